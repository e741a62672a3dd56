/** What one side can ask the other: by name, the question and its answer. Both must survive a structured clone. */
export type Questions<Q> = { [K in keyof Q]: readonly [question: unknown, answer: unknown] };

/** What answers the questions of the other side. */
export type Answers<Q extends Questions<Q>> = {
  [K in keyof Q]: (question: Q[K][0]) => Q[K][1] | Promise<Q[K][1]>;
};

/** The other side did not answer: it is busy, has ended, or failed. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
}

/** A message between processes. The property distinguishes it from the messages of others. */
type Message =
  | { sluiceway: 'ask'; id: number; kind: string; value: unknown }
  | { sluiceway: 'tell'; kind: string; value: unknown }
  | { sluiceway: 'answer'; id: number; value: unknown }
  | { sluiceway: 'failure'; id: number; message: string };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: ChannelError): void;
  timer: NodeJS.Timeout;
}

/** Questions and answers between the primary process and a worker, in order, with a bounded wait. */
export class Channel<Asks extends Questions<Asks>, Given extends Questions<Given>> {
  readonly #send: (message: Message) => void;
  readonly #answers: Answers<Given>;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #closed: ChannelError | null = null;

  /** `send` may throw when the other side has gone. */
  constructor(send: (message: unknown) => void, answers: Answers<Given>) {
    this.#send = send;
    this.#answers = answers;
  }

  /** Rejects with a `ChannelError`. */
  ask<K extends keyof Asks & string>(kind: K, value: Asks[K][0], timeoutMs: number): Promise<Asks[K][1]> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const id = this.#nextId++;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new ChannelError(`no answer to ${kind} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#post({ sluiceway: 'ask', id, kind, value });
    });
  }

  /** Sends what needs no answer. It is not an error if the other side has gone. */
  tell<K extends keyof Asks & string>(kind: K, value: Asks[K][0]): void {
    if (this.#closed === null) this.#post({ sluiceway: 'tell', kind, value });
  }

  /** Takes a message of the other side. Ignores those that are not of a channel. */
  receive(message: unknown): void {
    if (typeof message !== 'object' || message === null || !('sluiceway' in message)) return;
    // Only a channel sends messages with this property.
    const received = message as Message;
    if (received.sluiceway === 'ask') void this.#reply(received.id, received.kind, received.value);
    else if (received.sluiceway === 'tell') void this.#answer(received.kind, received.value);
    else this.#settle(received);
  }

  /** Fails all questions, present and future. */
  close(reason: string): void {
    this.#closed ??= new ChannelError(reason);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(this.#closed);
    }
    this.#waiting.clear();
  }

  #settle(received: Extract<Message, { sluiceway: 'answer' | 'failure' }>): void {
    const waiting = this.#waiting.get(received.id);
    // It came after the wait for it had ended.
    if (waiting === undefined) return;
    this.#waiting.delete(received.id);
    clearTimeout(waiting.timer);
    if (received.sluiceway === 'answer') waiting.resolve(received.value);
    else waiting.reject(new ChannelError(received.message));
  }

  async #reply(id: number, kind: string, value: unknown): Promise<void> {
    try {
      this.#post({ sluiceway: 'answer', id, value: await this.#answer(kind, value) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#post({ sluiceway: 'failure', id, message });
    }
  }

  async #answer(kind: string, value: unknown): Promise<unknown> {
    if (!Object.hasOwn(this.#answers, kind)) throw new ChannelError(`there is no question ${kind}`);
    // Both sides have the same version of the program, and so the same types.
    return this.#answers[kind as keyof Given](value);
  }

  #post(message: Message): void {
    try {
      this.#send(message);
    } catch {
      this.close('the other process has gone');
    }
  }
}
