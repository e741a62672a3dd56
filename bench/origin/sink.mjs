// @ts-check
/** The origin server for uploads where there is no C compiler: as sink.c, but dearer, since it copies the bytes. */
import net from 'node:net';

/** @param {net.Socket} socket */
function serve(socket) {
  let head = '';
  let left = 0;
  let total = 0;

  const answer = () => {
    const body = `${total}\n`;
    head = '';
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  };

  /** @param {Buffer} chunk */
  const takeHead = (chunk) => {
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const early = head.length - end - 4;
    head = head.slice(0, end);
    // Every subject forwards the length that the client gave.
    if (/\r\ntransfer-encoding:/i.test(head)) return socket.destroy();
    if (/\r\nexpect:/i.test(head)) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0) - early;
    total = early;
    if (left <= 0) answer();
  };

  socket.on('data', (chunk) => {
    if (left === 0) return takeHead(chunk);
    left -= chunk.length;
    total += chunk.length;
    if (left === 0) answer();
  });
  socket.on('error', () => {});
}

net.createServer({ noDelay: true }, serve).listen(Number(process.argv[2]), '127.0.0.1', 4096);
