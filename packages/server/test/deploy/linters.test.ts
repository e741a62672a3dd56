import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Service } from 'kubernetes-models/v1/Service';
import { describe, expect } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { root } from '../../../../scripts/support.mjs';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, node, requireTool } from '../../../sluiceway/test/support/requirements.js';
import { runTool, scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { sluiceway } from '../support/program.js';

const shellcheck = requireTool('shellcheck');
const systemdAnalyze = requireTool('systemd-analyze');

const deploy = join(root, 'deploy');
const read = (name: string): string => readFileSync(join(deploy, name), 'utf8');

describe('the image', () => {
  test('has a Dockerfile without a fault', () => {
    expect(validate(read('Dockerfile'))).toEqual([]);
    // What the linter would say of a fault.
    expect(validate('FROM node\nENV A\n')).not.toEqual([]);
  });

  test('is built from files that exist, and runs without root', () => {
    const lines = read('Dockerfile').split('\n');
    const copied = lines.flatMap((line) => /^COPY (deploy\/\S+) /.exec(line)?.[1] ?? []);
    expect(copied.length).toBeGreaterThan(1);
    for (const path of copied) expect(readFileSync(join(root, path), 'utf8')).not.toBe('');
    expect(lines).toContain('USER node');
    expect(lines).toContain('STOPSIGNAL SIGTERM');
  });

  test('has a compose file without a fault', async ({ net }) => {
    const linter = join(root, 'node_modules/dclint/bin/dclint.cjs');
    const args = [linter, '--max-warnings', '0', '--color=false', join(deploy, 'compose.yaml')];
    const { code, stdout, stderr } = await runTool(net, node, args, { in: scratchFolder(net) });
    expect([code, stdout.trim(), stderr]).toEqual([0, '', '']);
  });
});

describeWith(shellcheck)('the start script of the image', () => {
  test('has no fault', async ({ net }) => {
    const run = await runTool(net, shellcheck, [join(deploy, 'docker-entrypoint.sh')], { in: deploy });
    expect(run).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describeWith(systemdAnalyze)('the systemd units', () => {
  const units = readdirSync(join(deploy, 'systemd'));

  /** A copy in which the program is one that this machine has. */
  const copyTo = (folder: string): string[] =>
    units.map((name) => {
      const path = join(folder, name);
      writeFileSync(path, read(`systemd/${name}`).replace('/usr/bin/sluiceway', node.path));
      return path;
    });

  test('have no fault', async ({ net }) => {
    const folder = scratchFolder(net);
    const args = ['verify', '--man=no', '--recursive-errors=no', ...copyTo(folder)];
    const { code, stdout, stderr } = await runTool(net, systemdAnalyze, args, { in: folder });
    // It reads the other units of the machine, too.
    const faults = (stdout + stderr).split('\n').filter((line) => line.includes('sluiceway'));
    expect([code, faults]).toEqual([0, []]);
  });

  test('give the service few rights', async ({ net }) => {
    const folder = scratchFolder(net);
    copyTo(folder);
    const args = ['security', '--offline=true', '--threshold=20', join(folder, 'sluiceway.service')];
    const { code, stdout } = await runTool(net, systemdAnalyze, args, { in: folder });
    expect(stdout).toMatch(/Overall exposure level for sluiceway\.service: 1\.\d /);
    expect(code).toBe(0);
  });
});

describe('the Kubernetes manifests', () => {
  const manifests = parseAllDocuments(read('kubernetes/sluiceway.yaml')).map(
    (document) => document.toJS() as { kind: string; data: Record<string, string> },
  );

  test('are valid', () => {
    const models = { ConfigMap, Deployment, Service, PodDisruptionBudget };
    for (const manifest of manifests) {
      const model = models[manifest.kind as keyof typeof models];
      expect(() => new model(manifest as never).validate()).not.toThrow();
    }
    expect(manifests.map(({ kind }) => kind)).toEqual(Object.keys(models));
    expect(() => new Deployment({ spec: {} } as never).validate()).toThrow('selector');
  });

  test('probe paths of the configuration, and leave it time to drain', async ({ net }) => {
    const [configMap, deployment] = manifests;
    const text = configMap?.data['sluiceway.yaml'] ?? '';
    const folder = scratchFolder(net);
    writeFileSync(join(folder, 'sluiceway.yaml'), text);
    const check = sluiceway(net, 'config', 'check', join(folder, 'sluiceway.yaml'));
    expect([await check.exited, check.stderr]).toEqual([0, '']);
    const { routes, drainTimeout, drainDelay } = parse(text) as {
      routes: { pattern?: string; health?: string }[];
      drainTimeout: string;
      drainDelay: string;
    };
    const { spec } = deployment as unknown as Deployment;
    const pod = spec?.template.spec;
    const [container] = pod?.containers ?? [];
    const pathOf = (health: string) => routes.find((route) => route.health === health)?.pattern;
    expect(container?.livenessProbe?.httpGet?.path).toBe(pathOf('live'));
    expect(container?.readinessProbe?.httpGet?.path).toBe(pathOf('ready'));
    const graceSeconds = pod?.terminationGracePeriodSeconds ?? 0;
    expect(graceSeconds).toBeGreaterThan(
      Number.parseInt(drainTimeout, 10) * 60 + Number.parseInt(drainDelay, 10),
    );
  });
});
