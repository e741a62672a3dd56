import { parseSync, Visitor } from 'oxc-parser';

type Visited = Parameters<NonNullable<ConstructorParameters<typeof Visitor>[0]['CallExpression']>>[0];
type Expression = Visited['callee'] | Visited['arguments'][number];

const childProcess = /^(?:node:)?child_process$/;

/** Functions that look for a tool or an address, and those that skip tests and hooks without it. */
const finders = ['requireTool', 'requireVersion', 'findOptionalTool', 'findOptionalModule', 'requireAddress'];
const guards = ['describeWith', 'testWith', 'needing'];

/** Allowed expressions for the program that a call starts: Node itself, or the path of a `Tool`, which throws if missing. */
const startable = ['process.execPath', 'tool.path'];

/**
 * Finds code in a source file that starts, or may start, a program that is missing on a machine with only Node.
 *
 * @returns One line for each problem.
 */
export function findUnrequiredPrograms(path: string, text: string): string[] {
  const problems: string[] = [];
  const starters = new Set<string>();
  const tools = new Map<string, number>();
  const guarded = new Set<string>();
  /** Positions of imports, in which identifiers can be the name of a starter. */
  const imports: [start: number, end: number][] = [];
  const called = new Set<number>();
  const report = (start: number, problem: string) => {
    problems.push(`${path}:${text.slice(0, start).split('\n').length}: ${problem}`);
  };
  const sourceOf = ({ start, end }: { start: number; end: number }) => text.slice(start, end);

  const { program, module, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new SyntaxError(`${path}: ${errors[0].message}`);

  for (const { moduleRequest, entries, start, end } of module.staticImports) {
    imports.push([start, end]);
    if (moduleRequest.value === 'playwright-core' && !entries.every(({ isType }) => isType)) {
      if (!path.endsWith('test/support/browser.ts'))
        report(start, 'only support/browser.ts starts a browser');
    }
    if (!childProcess.test(moduleRequest.value)) continue;
    for (const { isType, importName, localName } of entries) {
      if (isType) continue;
      if (importName.name === null || importName.name === 'default')
        report(start, 'import what starts programs by its name');
      // `fork` starts one of our modules with the current Node.
      if (importName.name !== 'fork') starters.add(localName.value);
    }
  }

  const visitCall = (callee: Expression, args: Visited['arguments']) => {
    const name = callee.type === 'Identifier' ? callee.name : '';
    if (guards.includes(name))
      for (const argument of args) for (const tool of namesIn(argument)) guarded.add(tool);
    if (name === 'require' && args[0]?.type === 'Literal' && childProcess.test(String(args[0].value)))
      report(callee.start, 'import what starts programs by its name');
    if (!starters.has(name)) return;
    called.add(callee.start);
    const what = args[0] === undefined ? 'nothing' : sourceOf(args[0]);
    if (!startable.includes(what))
      report(callee.start, `${name}(${what}): start ${startable.join(' or ')}, of requireTool()`);
  };

  new Visitor({
    CallExpression: ({ callee, arguments: args }) => visitCall(callee, args),
    ImportExpression({ source, start }) {
      if (source.type === 'Literal' && childProcess.test(String(source.value)))
        report(start, 'import what starts programs by its name');
    },
    VariableDeclarator({ id, init }) {
      if (id.type !== 'Identifier' || init?.type !== 'CallExpression') return;
      if (init.callee.type === 'Identifier' && finders.includes(init.callee.name))
        tools.set(id.name, id.start);
    },
    MemberExpression({ object, property, computed, start }) {
      if (computed || property.type !== 'Identifier') return;
      if (property.name === 'missing' && object.type === 'Identifier') guarded.add(object.name);
      // vitest 4 ignores modifiers before `for`.
      if (property.name === 'for' && /^describe\s*\.\s*(?:skip|only|todo|runIf)/.test(sourceOf(object)))
        report(start, `${sourceOf(object)}.for runs as describe.for does: use describeWith(…).for`);
    },
    Property({ key, value, start }) {
      if (key.type === 'Identifier' && key.name === 'executablePath' && sourceOf(value) !== 'tool.path')
        report(start, 'executablePath has to be tool.path');
    },
    Identifier({ name, start }) {
      // Elsewhere it could be renamed, and start a program that this check does not see.
      if (!starters.has(name) || called.has(start)) return;
      if (!imports.some(([from, to]) => from <= start && start < to))
        report(start, `${name} is to be called and nothing else`);
    },
  }).visit(program);

  for (const [name, start] of tools)
    if (!guarded.has(name)) report(start, `${name} is required, but nothing is skipped without it`);
  return problems;
}

function namesIn(expression: Expression): string[] {
  if (expression.type === 'Identifier') return [expression.name];
  if (expression.type !== 'ArrayExpression') return [];
  return expression.elements.flatMap((element) => (element?.type === 'Identifier' ? [element.name] : []));
}
