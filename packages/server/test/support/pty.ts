import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Network } from '../../../sluiceway/test/support/fixture.js';
import { node, type Tool } from '../../../sluiceway/test/support/requirements.js';
import { until } from '../../../sluiceway/test/support/until.js';

/** Runs a command in a pseudo terminal. Reads one JSON object per line: keys to type, or a new size. */
const RELAY = `
import fcntl, json, os, pty, select, signal, struct, sys, termios
def size(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
pid, fd = pty.fork()
if pid == 0:
    sys.stdin.readline()
    os.execvp(sys.argv[3], sys.argv[3:])
size(fd, int(sys.argv[1]), int(sys.argv[2]))
attributes = termios.tcgetattr(fd)
attributes[3] &= ~termios.ECHO
termios.tcsetattr(fd, termios.TCSANOW, attributes)
os.write(fd, b'\\n')
pending = b''
inputs = [fd, 0]
while True:
    for ready in select.select(inputs, [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:
            data = b''
        if ready == fd:
            if not data:
                _, status = os.waitpid(pid, 0)
                sys.exit(os.waitstatus_to_exitcode(status) & 255)
            os.write(1, data)
        elif not data:
            inputs.remove(0)
        else:
            pending += data
            while b'\\n' in pending:
                line, pending = pending.split(b'\\n', 1)
                order = json.loads(line)
                if 'keys' in order:
                    os.write(fd, order['keys'].encode())
                else:
                    size(fd, *order['size'])
                    os.kill(pid, signal.SIGWINCH)
`;

/** The built program in a pseudo terminal. */
export class PtyProgram {
  /** Everything that it has written to the terminal. */
  output = '';
  readonly exited: Promise<number>;
  readonly #send: (order: object) => void;

  constructor(
    net: Network,
    tool: Tool,
    args: readonly string[],
    {
      columns = 100,
      rows = 24,
      env = {},
    }: { columns?: number; rows?: number; env?: Record<string, string> } = {},
  ) {
    const script = fileURLToPath(new URL('../../bin/sluiceway.js', import.meta.url));
    const child = spawn(tool.path, ['-c', RELAY, `${columns}`, `${rows}`, node.path, script, ...args], {
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    child.stdin.on('error', () => {});
    this.#send = (order) => void child.stdin.write(`${JSON.stringify(order)}\n`);
    this.exited = new Promise((resolve) => child.once('close', (code) => resolve(code ?? -1)));
    net.cleanup(async () => {
      child.kill('SIGKILL');
      await this.exited;
    });
  }

  type(keys: string): void {
    this.#send({ keys });
  }

  resize(columns: number, rows: number): void {
    this.#send({ size: [columns, rows] });
  }

  /** Waits until the output after `from` characters matches. */
  async shows(pattern: RegExp, from = 0): Promise<void> {
    await until(() => pattern.test(this.output.slice(from)), `the terminal showed ${pattern}`).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; it shows ${JSON.stringify(this.output.slice(from).slice(-2000))}`);
      },
    );
  }
}
