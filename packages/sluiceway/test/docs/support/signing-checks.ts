import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { createLinks, formatKeys, type Key, parseKeys } from '../../../src/gateway.js';
import { signed as letInSigned } from '../../../src/index.js';
import { accessRequest } from '../../support/access.js';
import { findOptionalTool, node, requireTool, type Tool } from '../../support/requirements.js';
import { type Check, commandsOf, type Example, needing } from './example.js';
import { repositoryRoot } from './markdown.js';

export const program: string = fileURLToPath(new URL('../../../../server/bin/sluiceway.js', import.meta.url));
const { keys, links } = JSON.parse(
  readFileSync(join(repositoryRoot, 'docs/signing-vectors.json'), 'utf8'),
) as {
  keys: readonly Key[];
  links: { key: string; parameters: Record<string, string>; signed: string; signature: string }[];
};
const [key] = keys;

const python = requireTool('python3');
const go = findOptionalTool('go');
const php = findOptionalTool('php');
const bash = requireTool('bash');
const openssl = requireTool('openssl');

/** What a program writes to its standard output. Other examples run meanwhile. */
export async function outputOf(
  example: Example,
  tool: Tool,
  args: readonly string[],
  input = '',
): Promise<string> {
  const env = {
    ...process.env,
    LINK_SECRET: key?.secret ?? '',
    // Where Go keeps what it has compiled, and how it takes a file outside any module.
    GOCACHE: join(example.project, 'go'),
    GO111MODULE: 'off',
  };
  const child = spawn(tool.path, args, { cwd: example.project, env, stdio: 'pipe' });
  const exited = once(child, 'close');
  child.stdin.end(input);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  expect(child.exitCode, errors).toBe(0);
  return output;
}

/** How a language runs a program, and how the vectors are put through its `sign`: one a line, as JSON both ways. */
interface Language {
  file: string;
  run: readonly [Tool, ...string[]];
  /** Put after the example. */
  harness: string;
}

/** The link that the example prints permits what the example says, and its `sign` gives what the vectors say. */
async function expectSigns(
  example: Example,
  { file, run: [tool, ...args], harness }: Language,
): Promise<void> {
  example.write(file, example.block.text);
  const printed = (await outputOf(example, tool, args)).trim();
  const { grant } = createLinks({ keys }).verify(printed, { clientAddress: null });
  expect(printed.startsWith('https://files.example.com/download?')).toBe(true);
  expect([grant.filename, grant.url]).toEqual([
    'Bücher & mehr (1).zip',
    'https://bucket.example.com/b%C3%BCcher/1.zip?version=7',
  ]);
  expect(Math.abs(grant.expires - Date.now() / 1000 - 3600)).toBeLessThan(120);

  const vectors = links.filter(({ key: id }) => id === key?.id);
  example.write(file, `${example.block.text}\n${harness}`);
  const input = vectors.map(({ parameters }) => `${JSON.stringify(parameters)}\n`).join('');
  const lines = (await outputOf(example, tool, args, input)).trim().split('\n').slice(-vectors.length);
  expect(lines).toEqual(vectors.map(({ signed, signature }) => `${signed}&signature=${signature}`));
}

/** Checks of the page about signed links. */
export const signingChecks: Readonly<Record<string, Check>> = {
  'a link is signed and verified': async (example) => {
    example.write('keys.json', formatKeys(keys));
    example.write('example.mjs', example.block.text);
    const [link = '', filename] = (await outputOf(example, node, ['example.mjs'])).split('\n');
    expect(link).toMatch(/^https:\/\/files\.example\.com\/download\/report\.pdf\?link=[\w-]+$/);
    expect(filename).toBe('report.pdf');
    expect(createLinks({ keys }).read(link).grant.url).toBe(
      'https://bucket.example.com/reports/2031.pdf?token=1234',
    );
  },

  'the program makes keys, signs and verifies': async (example) => {
    const outputs: string[] = [];
    for (const [npx, name, ...args] of commandsOf(example.block)) {
      expect([npx, name]).toEqual(['npx', 'sluiceway']);
      outputs.push(await outputOf(example, node, [program, ...args]));
    }
    const link = outputs[1]?.trim() ?? '';
    const made = parseKeys(readFileSync(join(example.project, 'keys.json'), 'utf8'));
    const { grant } = createLinks({ keys: made }).verify(link, { clientAddress: null });
    expect([grant.filename, grant.url]).toEqual([
      'report.pdf',
      'https://bucket.example.com/reports/2031.pdf',
    ]);
  },

  'the text of a key file': async ({ block }) => {
    expect(parseKeys(block.text)[0]?.secret).toBe(key?.secret);
  },

  'what is signed, and the signature of it': async ({ block }) => {
    const [preamble, query] = block.text.split('\n').map((line) => line.trim());
    expect(preamble).toBe('sluiceway-signed-link-v1');
    expect(links.map(({ signed }) => signed)).toContain(query);
  },

  'signed URLs let in': async (example) => {
    example.write('keys.json', formatKeys(keys));
    const running = await example.run();
    await running.wrote(/^https:\/\/files\.example\.com\/\S+\n/m);
    const url = new URL(/^https:\S+/m.exec(running.output)?.[0] ?? '');
    expect((await running.send(url.pathname + url.search)).content.toString()).toBe(
      'this is /reports/2031.pdf?version=2',
    );
    expect((await running.send('/reports/2031.pdf?version=2')).head.status).toBe(403);
  },

  'a signed URL to compare with': async ({ block }) => {
    const [path = '', query = null] = block.text.trim().split('?');
    const decision = await letInSigned({ keys })(accessRequest([], { path, query }));
    expect(decision).toEqual({ allowed: true, query: 'version=2' });
  },

  'signs in Node': async (example) => {
    await expectSigns(example, {
      file: 'sign.mjs',
      run: [node, 'sign.mjs'],
      harness: `
        import { once } from 'node:events';
import { readFileSync } from 'node:fs';
        for (const line of readFileSync(0, 'utf8').split('\\n').filter(Boolean))
          console.log(sign(JSON.parse(line), 'k1', process.env.LINK_SECRET));`,
    });
  },

  'signs in Python': needing([python], async (example) => {
    await expectSigns(example, {
      file: 'sign.py',
      run: [python, 'sign.py'],
      harness: [
        'import json, sys',
        'for line in sys.stdin:',
        '    print(sign(json.loads(line), "k1", os.environ["LINK_SECRET"]))',
      ].join('\n'),
    });
  }),

  'signs in Go': needing([go], async (example) => {
    // Runs before `main` and, where there are vectors, instead of it.
    example.write(
      'vectors.go',
      `package main
      import ("bufio"; "encoding/json"; "fmt"; "os")
      func init() {
        some := false
        lines := bufio.NewScanner(os.Stdin)
        for lines.Scan() {
          var parameters map[string]string
          if err := json.Unmarshal(lines.Bytes(), &parameters); err != nil { panic(err) }
          query, err := sign(parameters, "k1", os.Getenv("LINK_SECRET"))
          if err != nil { panic(err) }
          fmt.Println(query)
          some = true
        }
        if some { os.Exit(0) }
      }`,
    );
    await expectSigns(example, { file: 'sign.go', run: [go, 'run', 'sign.go', 'vectors.go'], harness: '' });
  }),

  'signs in PHP': needing([php], async (example) => {
    await expectSigns(example, {
      file: 'sign.php',
      run: [php, 'sign.php'],
      harness: `
        while (($line = fgets(STDIN)) !== false)
          echo sign(json_decode($line, true), 'k1', getenv('LINK_SECRET')), "\\n";`,
    });
  }),

  'signs in a shell': needing([bash, openssl], async (example) => {
    // The shell has no JSON: node makes words of it, each ended by a NUL, and an empty one after each vector.
    example.write(
      'words.mjs',
      `import { once } from 'node:events';
import { readFileSync } from 'node:fs';
      for (const line of readFileSync(0, 'utf8').split('\\n').filter(Boolean))
        process.stdout.write([...Object.entries(JSON.parse(line)).map((pair) => pair.join('=')), '', ''].join('\\0'));`,
    );
    await expectSigns(example, {
      file: 'sign.bash',
      run: [bash, 'sign.bash'],
      harness: [
        'words=()',
        "while IFS= read -r -d '' word; do",
        '  if [[ $word ]]; then words+=("$word"); else sign "${words[@]}"; words=(); fi',
        `done < <('${process.execPath}' words.mjs)`,
      ].join('\n'),
    });
  }),
};
