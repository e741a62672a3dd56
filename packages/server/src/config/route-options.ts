import {
  boolean,
  type Checker,
  custom,
  either,
  findSpec,
  group,
  list,
  type Members,
  type OptionsOf,
  oneOf,
  proxyOptions,
  type SettingsOf,
  string,
} from 'sluiceway/options';
import { accessOption } from '../access/access-option.js';
import { fileGatewayOptions, fileProxyOptions, writtenOption } from './library-options.js';
import { optional } from './optional.js';

const proxyMembers: Members = {
  ...fileProxyOptions,
  stripPrefix: boolean({
    default: false,
    doc: 'Remove the `path` of the route from the path of requests before the origin server gets it.',
  }),
};

const redirectMembers = {
  to: string({
    required: true,
    type: 'URL or path',
    pattern: /^(?:https?:\/\/[^/?#\s]|\/(?![/\\]))[\x21-\x7e]*$/,
    message: 'must be an http: or https: URL, or begin with one slash, and have no spaces',
    doc: 'Where to. `{host}` is what the client asked for, without a port; `{path}` is the path, `{rest}` the path without the `path` of the route, and `{query}` the query with its question mark, if there is one.',
  }),
  status: custom<number, number>({
    type: '301, 302, 303, 307 or 308',
    defaultText: '`302`',
    schema: { anyOf: [301, 302, 303, 307, 308].map((status) => ({ const: status })), default: 302 },
    doc: 'The status. Browsers remember 301 and 308.',
    read: (check, path, value = 302) => {
      if (![301, 302, 303, 307, 308].includes(value as number))
        check.problem(path, 'must be 301, 302, 303, 307 or 308');
      return value as number;
    },
  }),
};

const fieldValuesOption = findSpec(proxyOptions, 'headers.response.set');

/** Values of fields, with the checks of the library. A configuration cannot set framing fields. */
const headersOption = custom<Readonly<Record<string, string | readonly string[]>>, AnswerHeaders | undefined>(
  {
    type: 'object',
    doc: 'Header fields by name: a value, or a list for several lines.',
    schema: fieldValuesOption?.schema() ?? null,
    read: (check: Checker, path, value) => {
      fieldValuesOption?.read(check, path, value);
      return value as AnswerHeaders | undefined;
    },
  },
);

type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

const respondMembers = {
  status: custom<number, number>({
    type: 'number',
    defaultText: '`200`',
    schema: { type: 'integer', minimum: 200, maximum: 599, default: 200 },
    doc: 'The status, from 200 to 599.',
    read: (check, path, value) => check.integer(path, value ?? 200, 200, { min: 200, max: 599 }),
  }),
  headers: headersOption,
  content: custom<string, string | undefined>({
    type: 'text',
    schema: { type: 'string' },
    doc: 'The content. `Content-Type` is `text/plain; charset=utf-8`, unless `headers` has another. `${file:page.html}` is the content of a file.',
    read: (check, path, value) => {
      if (value === undefined || typeof value === 'string') return value;
      check.problem(path, 'must be text');
      return undefined;
    },
  }),
};

/** The option of the library, as written: the library reads it when it creates the route. */
const corsOption = custom<unknown, unknown>({
  type: proxyOptions.cors.type,
  doc: 'Which scripts of other sites may read responses of this route, also its errors: see [cross-origin requests](access.md#cross-origin-requests). Preflights are answered before access is checked. It takes the place of `defaults.cors`; `proxy.cors` and `gateway.cors` come before it.',
  schema: proxyOptions.cors.schema(),
  ...(proxyOptions.cors.members !== undefined && { members: proxyOptions.cors.members }),
  read: (check: Checker, path, value) => {
    const before = check.problems.length;
    proxyOptions.cors.read(check, path, value);
    return check.problems.length > before ? undefined : value;
  },
});

const hostOption = string({
  type: 'host',
  pattern: /^(?:\*\.)?(?:[^\s/:@*?#[\]]+|\[[0-9A-Fa-f:.]+\])$/,
  message: 'must be a host without a port, such as files.example.com or *.example.com',
});

const methodOption = string({
  type: 'method',
  pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/,
  message: 'must be a method such as GET',
});

const routeMembers = {
  name: string({
    pattern: /^[\w.:/*@ -]{1,100}$/,
    message: 'must have 1 to 100 letters, digits, spaces and ._:/*@-',
    defaultText: 'made of host and path',
    doc: 'Stands for the route in logs and metrics.',
  }),
  host: either(hostOption, list(hostOption, {}), {
    type: 'host or list of hosts',
    defaultText: 'any',
    takesSecond: (value) => Array.isArray(value),
    doc: 'Hosts that the route is for, without ports: `files.example.com`, or `*.example.com` for every name below.',
  }),
  path: string({
    type: 'path',
    default: '/',
    doc: 'The beginning of paths that the route is for, in whole segments: `/files` is for `/files`, `/files/` and `/files/a`, not for `/filesystem`. It contains no `*`.',
  }),
  pattern: string({
    type: 'pattern',
    doc: 'Whole paths that the route is for, in place of `path`: `*` stands for any characters of one segment, and `**` at the end for any number of segments. `/health` is exactly that path, `/videos/*.mp4` every such file in that folder.',
  }),
  methods: list(methodOption, {
    defaultText: 'all',
    doc: 'Methods that the route is for. A route for GET is for HEAD too.',
  }),
  access: accessOption(
    'Who has access: [rules](#access), or `everyone`. It takes the place of `defaults.access`, and is decided before anything else.',
  ),
  cors: corsOption,
  log: boolean({
    default: true,
    doc: 'Whether transfers of the route are logged. Metrics count them in any case.',
  }),
  proxy: writtenOption(proxyMembers, 'Forward requests to an upstream.', ['upstream']),
  gateway: writtenOption(
    fileGatewayOptions,
    'Serve files of other servers by signed links. Its `path` is the `path` of the route, unless it has its own.',
  ),
  redirect: optional(group<RedirectOptions, RedirectValues>(redirectMembers, {}), 'Answer with a redirect.'),
  health: oneOf(['live', 'ready'], {
    defaultText: 'none',
    doc: 'Answer whether the server lives (always 200), or is ready for requests (503 while it starts or drains), as `/healthz` and `/readyz` of the [admin listener](server.md#the-admin-listener) do. It makes the answer public.',
  }),
  respond: optional(
    group<RespondOptions, RespondValues>(respondMembers, {}),
    'Answer with a fixed response.',
  ),
};

/** The actions. A route has exactly one. */
export const ACTIONS = ['proxy', 'gateway', 'redirect', 'respond', 'health'] as const;

export interface RedirectOptions extends OptionsOf<typeof redirectMembers> {}
export interface RedirectValues extends SettingsOf<typeof redirectMembers> {}
export interface RespondOptions extends OptionsOf<typeof respondMembers> {}
export interface RespondValues extends SettingsOf<typeof respondMembers> {}
export interface RouteOptions extends OptionsOf<typeof routeMembers> {}
export interface RouteValues extends SettingsOf<typeof routeMembers> {}

export const routeOption = group<RouteOptions, RouteValues>(routeMembers, {});
