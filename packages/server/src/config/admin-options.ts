import { custom, group, list, type OptionsOf, type SettingsOf, string } from 'sluiceway/options';
import { accessOption } from '../access/access-option.js';
import { parseListenAddress } from '../listeners/address.js';
import { socketModeOption } from './listener-options.js';
import { optional } from './optional.js';

const hostOption = string({
  type: 'host',
  pattern: /^[^\s/:@*?#[\]]+$/,
  message: 'must be a host name without a port, such as admin.example.com',
});

const adminMembers = {
  address: custom<string, string>({
    type: 'address',
    defaultText: '`127.0.0.1:9180`',
    schema: { type: 'string', minLength: 1, default: '127.0.0.1:9180' },
    doc: 'Where the admin listener accepts connections, written as for `listeners.address`. An address that other machines can reach requires `access`.',
    read: (check, path, value) =>
      check.parsed(path, (value ?? '127.0.0.1:9180') as string, '127.0.0.1:9180', (text) => {
        parseListenAddress(text);
        return text;
      }),
  }),
  mode: socketModeOption,
  access: accessOption(
    'Who has access to everything on the admin listener: [rules](#access). Without it, everyone who can connect has access, so the address must be a loopback address or a Unix socket.',
  ),
  hosts: list(hostOption, {
    default: [],
    defaultText: 'none',
    doc: 'Names by which clients reach the admin listener, besides `localhost`, IP addresses and the host of `address`. A request for any other host gets 403. This prevents that a web site reaches the listener through the browser of its operator (DNS rebinding).',
  }),
};

export interface AdminOptions extends OptionsOf<typeof adminMembers> {}
export interface AdminValues extends SettingsOf<typeof adminMembers> {}

/** The top-level `admin`. */
export const adminOption = optional(
  group<AdminOptions, AdminValues>(adminMembers, {}),
  'The admin listener: the dashboard, the API, health, metrics and reload. Off unless it is given; `admin: {}` turns it on. See [the admin listener](server.md#the-admin-listener).',
);
