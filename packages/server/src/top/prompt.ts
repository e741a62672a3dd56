import { parseBytes } from 'sluiceway';
import type { Key } from './keys.js';

const MAX_INPUT = 200;

/** A question on the last line of the screen. */
export interface Prompt {
  question: string;
  input: string;
  /** Called with each change. */
  onInput?(input: string): void;
  /** One key answers, without Enter. */
  isOneKey: boolean;
  onAnswer(input: string): void;
  onCancel?(): void;
}

/** Reports whether a key has ended the question. */
export function answerPrompt(prompt: Prompt, key: Key): boolean {
  const char = typeof key === 'object' ? key.char : null;
  if (key === 'escape') {
    prompt.onCancel?.();
    return true;
  }
  if (key === 'enter' || (prompt.isOneKey && char !== null)) {
    prompt.onAnswer(prompt.isOneKey ? (char ?? '') : prompt.input);
    return true;
  }
  if (key === 'backspace') prompt.input = Array.from(prompt.input).slice(0, -1).join('');
  else if (char === null || prompt.input.length >= MAX_INPUT) return false;
  else prompt.input += char;
  prompt.onInput?.(prompt.input);
  return false;
}

/** Reads a rate in bytes per second. Null: no limit. Undefined: not a rate. */
export function readRate(text: string): number | null | undefined {
  if (text === 'off') return null;
  try {
    const rate = parseBytes(text);
    return rate > 0 ? rate : undefined;
  } catch {
    return undefined;
  }
}
