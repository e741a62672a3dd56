import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Guard, resolveGuard } from '../../src/net/guard.js';
import type { GuardOptions } from '../../src/net/guard-options.js';
import { Checker, OptionsError } from '../../src/options/checker.js';
import { toTarget } from '../../src/upstream/target.js';

function guard(options?: GuardOptions): Guard {
  const check = new Checker('test');
  const resolved = resolveGuard(check, 'guard', options);
  check.throwIfAny();
  return resolved;
}

describe('a guard', () => {
  test.for([
    ['93.184.215.14', 80, true],
    ['93.184.215.14', 443, true],
    ['93.184.215.14', 22, false],
    ['93.184.215.14', 8080, false],
    ['127.0.0.1', 80, false],
    ['10.0.0.1', 443, false],
    ['169.254.169.254', 80, false],
    ['100.100.100.200', 80, false],
    ['::1', 80, false],
    ['::ffff:127.0.0.1', 80, false],
    ['64:ff9b::7f00:1', 80, false],
    ['64:ff9b::5db8:d70e', 443, true],
    ['2606:2800:21f:cb07:6820:80da:af6b:8b2c', 443, true],
    ['fd00:ec2::254', 80, false],
    ['not an address', 80, false],
  ] as const)('on its default settings says of %s at port %i: %s', ([address, port, allowed]) => {
    expect(guard().policy.decide(address, port).allowed).toBe(allowed);
  });

  test('allows addresses and ports that are named, a port with its address only', () => {
    const { policy } = guard({
      allowAddresses: ['10.0.0.5', '10.1.0.0/16:8080', '[fd00::/8]:9000'],
      denyAddresses: ['93.184.215.0/24'],
    });
    const decide = (address: string, port: number) => policy.decide(address, port).allowed;
    expect(decide('10.0.0.5', 443)).toBe(true);
    expect(decide('10.0.0.5', 8080)).toBe(false);
    expect(decide('10.1.2.3', 8080)).toBe(true);
    expect(decide('10.1.2.3', 443)).toBe(false);
    expect(decide('fd00::1', 9000)).toBe(true);
    expect(decide('fd00::1', 80)).toBe(false);
    expect(decide('93.184.215.14', 443)).toBe(false);
    expect(guard({ allowPorts: [8080] }).policy.decide('93.184.216.34', 8080).allowed).toBe(true);
    expect(guard({ allowPorts: [8080] }).policy.decide('93.184.216.34', 80).allowed).toBe(false);
    expect(guard({ allowPorts: 'any' }).policy.decide('93.184.216.34', 25).allowed).toBe(true);
  });

  test('refuses our own listeners, whatever else is allowed, under every address of a machine where they have all', () => {
    const own = guard({ allowAddresses: ['0.0.0.0/0', '::/0'], allowPorts: 'any' });
    own.addListener('127.0.0.1', 8080);
    expect(own.policy.decide('127.0.0.1', 8080).allowed).toBe(false);
    for (const spelling of ['::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:7F00:0001'])
      expect(own.policy.decide(spelling, 8080).allowed).toBe(false);
    expect(own.policy.decide('127.0.0.1', 8081).allowed).toBe(true);
    expect(own.policy.decide('127.0.0.2', 8080).allowed).toBe(true);
    own.addListener('::', 9090);
    for (const { address } of Object.values(networkInterfaces()).flatMap((each) => each ?? []))
      expect(own.policy.decide(address, 9090).allowed).toBe(false);
  });

  test('knows a listener at all addresses under every address of loopback, and any listener under no address', () => {
    const own = guard({ allowAddresses: ['0.0.0.0/0', '::/0'], allowPorts: 'any' });
    own.addListener('0.0.0.0', 9090);
    own.addListener('127.0.0.1', 8080);
    for (const address of ['127.0.0.2', '::ffff:127.1.2.3', '64:ff9b::7f00:1', '0.0.0.0', '::', '::1'])
      expect(own.policy.decide(address, 9090).allowed, address).toBe(false);
    for (const address of ['0.0.0.0', '::', '::ffff:0.0.0.0', '64:ff9b::127.0.0.1'])
      expect(own.policy.decide(address, 8080).allowed, address).toBe(false);
    expect(own.policy.decide('93.184.215.14', 9090).allowed).toBe(true);
  });

  test.for(['.a.example', 'a..example', 'a.example..'])('refuses %s, which is no name', (host) => {
    expect(guard({ allowHosts: ['*'] }).judge(toTarget(`http://${host}/`))).not.toBe(null);
  });

  test('judges schemes and hosts before anything is looked up, denied ones first', () => {
    const judge = (options: GuardOptions, url: string) => guard(options).judge(toTarget(url))?.code ?? null;
    expect(judge({ schemes: ['https'] }, 'http://a.example/')).toBe('destination_ip_prohibited');
    expect(judge({ schemes: ['https'] }, 'https://a.example/')).toBe(null);
    const hosts = { allowHosts: ['*.example'], denyHosts: ['b.example'] };
    expect(judge(hosts, 'http://a.example/')).toBe(null);
    expect(judge(hosts, 'http://b.example/')).toBe('destination_ip_prohibited');
    expect(judge(hosts, 'http://c.test/')).toBe('destination_ip_prohibited');
    expect(judge({ allowHosts: [] }, 'http://a.example/')).toBe('destination_ip_prohibited');
  });

  test('names every mistake in its options', () => {
    const wrong = {
      allowAddresses: ['10.0.0.0/99'],
      denyAddresses: 'x',
      allowPorts: [0],
      allowHosts: ['a b'],
      schemes: ['ftp'],
      resolver: {},
      allowHost: [],
    };
    expect(() => guard(wrong as never)).toThrow(OptionsError);
    for (const path of [
      'allowAddresses\\[0\\]',
      'denyAddresses',
      'allowPorts\\[0\\]',
      'allowHosts\\[0\\]',
      'schemes\\[0\\]',
      'resolver',
      'allowHost',
    ])
      expect(() => guard(wrong as never)).toThrow(new RegExp(`guard\\.${path} `));
  });
});
