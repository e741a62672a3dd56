import { describe, expectTypeOf, test } from 'vitest';
import { either, group, list, record } from '../../src/options/composites.js';
import { boolean, custom, duration, func, integer, oneOf, string, url } from '../../src/options/kinds.js';
import type { InputOf, OptionsOf, SettingsOf, ValueOf } from '../../src/options/spec.js';
import type { HeaderOptions } from '../../src/proxy/options/header-options.js';
import type { ProxyOptions } from '../../src/proxy/options/proxy-options.js';
import type { ResumeOptions } from '../../src/proxy/options/resume-options.js';
import type { TimeoutOptions } from '../../src/proxy/options/timeout-options.js';
import type { UpstreamOptions } from '../../src/proxy/options/upstream-options.js';
import type { UpstreamTlsOptions } from '../../src/proxy/options/upstream-tls.js';
import type { Duration } from '../../src/units.js';
import type { UpstreamGroup } from '../../src/upstream/group/group.js';
import type { ServerOptions } from '../../src/upstream/group/server-settings.js';

// The compiler checks this file: `npm run typecheck`.

describe('the type of what a user writes, and of what the check makes of it', () => {
  const members = {
    wait: duration({ default: '1s' }),
    pause: duration({}),
    count: integer({ required: true }),
    mode: oneOf(['a', 'b'], { default: 'a' }),
    on: boolean({ default: true }),
    name: string({}),
    place: url({ parse: (given) => new URL(given) }),
    call: func<(a: number) => string>({}),
    odd: custom<string, Date>({ type: 'date', schema: null, read: () => new Date(0) }),
    names: list(string({}), { default: [] }),
    more: list(integer({}), {}),
    table: record(duration({}), {}),
    mixed: either(oneOf(['x'], {}), integer({}), { takesSecond: (value) => typeof value === 'number' }),
  };

  test('of a group of every kind', () => {
    expectTypeOf<OptionsOf<typeof members>>().toEqualTypeOf<
      {
        wait?: Duration;
        pause?: Duration;
        mode?: 'a' | 'b';
        on?: boolean;
        name?: string;
        place?: string | URL;
        call?: (a: number) => string;
        odd?: string;
        names?: readonly string[];
        more?: readonly number[];
        table?: Readonly<Record<string, Duration>>;
        mixed?: 'x' | number;
      } & { count: number }
    >();
    expectTypeOf<SettingsOf<typeof members>>().toEqualTypeOf<{
      wait: number;
      pause: number | undefined;
      count: number | undefined;
      mode: 'a' | 'b';
      on: boolean;
      name: string | undefined;
      place: URL | undefined;
      call: ((a: number) => string) | undefined;
      odd: Date;
      names: string[];
      more: number[] | undefined;
      table: ReadonlyMap<string, number> | undefined;
      mixed: 'x' | number | undefined;
    }>();
  });

  test('of a group inside', () => {
    const inner = { wait: members.wait };
    const spec = group<OptionsOf<typeof inner>, SettingsOf<typeof inner>>(inner, {});
    expectTypeOf<InputOf<typeof spec>>().toEqualTypeOf<{ wait?: Duration }>();
    expectTypeOf<ValueOf<typeof spec>>().toEqualTypeOf<{ wait: number }>();
    // @ts-expect-error -- the member is not described
    group<{ wait?: Duration; other?: number }, { wait: number; other: number }>(inner, {});
    // @ts-expect-error -- the member has another type
    group<{ wait?: boolean }, { wait: number }>(inner, {});
  });

  test('a default must be a value of the option', () => {
    // @ts-expect-error -- not one of the words
    oneOf(['a', 'b'], { default: 'c' });
    // @ts-expect-error -- not a number
    integer({ default: '5' });
    // @ts-expect-error -- not a list of strings
    list(string({}), { default: [5] });
  });
});

describe('the options of the library', () => {
  test('have the types that users write', () => {
    expectTypeOf<Required<TimeoutOptions>>().toEqualTypeOf<{
      connect: Duration;
      responseHead: Duration | false;
      upstreamIdle: Duration | false;
      clientIdle: Duration | false;
      tunnelIdle: Duration | false;
      tunnelDrain: Duration;
      total: Duration | false;
    }>();
    expectTypeOf<ProxyOptions['upstream']>().toEqualTypeOf<
      string | URL | UpstreamGroup | UpstreamOptions | undefined
    >();
    expectTypeOf<UpstreamOptions['url']>().toEqualTypeOf<string | URL | undefined>();
    expectTypeOf<UpstreamOptions['servers']>().toEqualTypeOf<
      readonly (string | URL | ServerOptions)[] | undefined
    >();
    expectTypeOf<UpstreamOptions['tls']>().toEqualTypeOf<UpstreamTlsOptions | undefined>();
    expectTypeOf<ProxyOptions['resume']>().toEqualTypeOf<boolean | ResumeOptions | undefined>();
    expectTypeOf<ProxyOptions['addresses']>().toEqualTypeOf<'any' | 'public' | undefined>();
    expectTypeOf<HeaderOptions['host']>().toEqualTypeOf<'upstream' | 'client' | (string & {}) | undefined>();
    expectTypeOf<ProxyOptions['trustedProxies']>().toEqualTypeOf<readonly string[] | undefined>();
  });

  test('give hooks the context of the application', () => {
    type Hook = NonNullable<ProxyOptions<{ user: string }>['onRequest']>;
    expectTypeOf<Parameters<Hook>[0]['request']['context']>().toEqualTypeOf<{ user: string }>();
  });
});
