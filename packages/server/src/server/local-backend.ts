import type { ConfigSource } from '../config/source.js';
import type { LiveLimits } from '../live/limit-use.js';
import type { ProcessView } from '../live/process-view.js';
import type { AskProcesses } from '../live/questions.js';
import type { NamedGroup } from '../routes/shared-groups.js';
import type { Backend, PreparedPlan } from './backend.js';
import { type CompileContext, compile, type Plan } from './compile.js';
import { type DrainProgress, measureProgress } from './drain-progress.js';
import { toLiveSource } from './live-source.js';
import { Service, type ServiceOptions } from './service.js';

/** Serves in this process. */
export class LocalBackend implements Backend {
  readonly problem = null;
  readonly restart = null;
  readonly #service: Service;
  readonly #context: CompileContext;
  readonly ask: AskProcesses;

  private constructor(service: Service, context: CompileContext, view: ProcessView) {
    this.#service = service;
    this.#context = context;
    const answers = view.answers(() => toLiveSource(service));
    const { pid } = process;
    this.ask = (kind, question) =>
      Promise.resolve([{ pid, worker: null, answer: answers[kind](question(pid)) }]);
  }

  /** Rejects with the error of the plan's source or a `ListenError`. */
  static async start(
    plan: Plan,
    context: CompileContext,
    options: ServiceOptions,
    view: ProcessView,
  ): Promise<LocalBackend> {
    return new LocalBackend(await Service.start(plan, options), context, view);
  }

  get urls(): string[] {
    return this.#service.urls;
  }

  active(): Promise<number> {
    return Promise.resolve(this.#service.active);
  }

  progress(): Promise<DrainProgress> {
    return Promise.resolve(measureProgress(this.#service.transfers()));
  }

  async prepare(source: ConfigSource): Promise<PreparedPlan> {
    const plan = compile(source, this.#context, this.#service.plan.routes);
    if (plan.values.workers > 1) {
      this.#service.discard(plan);
      throw source.toError([
        { path: 'workers', message: 'cannot change from 1 by a reload: restart the program' },
      ]);
    }
    const change = await this.#service.prepare(plan);
    return { plan, apply: () => Promise.resolve(change.apply()), cancel: () => change.cancel() };
  }

  get connections(): number {
    return this.#service.connections;
  }

  get groups(): readonly NamedGroup[] {
    return this.#service.plan.routes.groups.all;
  }

  get limits(): readonly LiveLimits[] {
    return toLiveSource(this.#service).limits;
  }

  metrics(): Promise<never[]> {
    return Promise.resolve([]);
  }

  setReady(): void {}

  reopenLogs(): void {}

  drain(timeoutMs: number): Promise<number> {
    return this.#service.drain(timeoutMs);
  }

  destroy(): void {
    this.#service.destroy();
  }
}
