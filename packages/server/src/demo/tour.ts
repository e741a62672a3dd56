export interface DemoFacts {
  dashboardUrl: string;
  /** A link to a file of the origin server. */
  link: string;
  /** Where the proxy listens. */
  url: string;
  originUrl: string;
  /** Process id of the proxy. */
  pid: number;
  platform: NodeJS.Platform;
}

/** The text that `npm start` prints: what runs, and commands to try. */
export function describeDemo({ dashboardUrl, link, url, originUrl, pid, platform }: DemoFacts): string {
  const digest = platform === 'darwin' ? 'shasum -a 256' : 'sha256sum';
  const memory =
    platform === 'win32'
      ? `curl -s -o NUL ${url}/files/5GiB & tasklist /fi "pid eq ${pid}"`
      : [
          `ps -o rss= -p ${pid}; curl -s -o /dev/null ${url}/files/5GiB &`,
          `  while kill -0 $! 2>/dev/null; do sleep 1; ps -o rss= -p ${pid}; done`,
        ].join('\n');
  return `An origin server is at ${originUrl}: it makes up files of any size while it sends them.
The proxy in front of it is at ${url} (process ${pid}). What it serves is in packages/server/demo/sluiceway.yaml.

See and steer what runs: open the dashboard. A few slow downloads run already, one of their two origin servers breaks every
few seconds, and a button makes more traffic:

  ${dashboardUrl}

Download a file, and compare its SHA-256 with the one that the origin server knows:

  curl -s ${url}/files/1GiB | ${digest}; curl -s ${url}/files/1GiB.sha256

Ask the origin server for a file that breaks off, and the proxy for the same file, which it continues from the exact byte:

  curl -s ${originUrl}/broken/100MiB | wc -c; curl -s ${url}/broken/100MiB | ${digest}; curl -s ${url}/files/100MiB.sha256

Download by a signed link, which works for an hour, and does not show where the file is; with one character changed it does
not work:

  curl -s '${link}' | ${digest}
  curl -i '${link}x'

Download what needs a password, without it and with it:

  curl -i ${url}/private/files/1MiB; curl -s -u demo:sluiceway ${url}/private/files/1MiB | ${digest}

Break a download off yourself, go on from there, and see that nothing is missing:

  curl -s -r 0-29999999 -o demo.bin ${url}/files/100MiB; curl -s -C - -o demo.bin ${url}/files/100MiB
  ${digest} demo.bin; curl -s ${url}/files/100MiB.sha256

See that the memory of the proxy (in KiB, each second) stays flat while 5 GiB pass through it:

  ${memory}

${url}/ lists what there is. Ctrl-C stops both.`;
}
