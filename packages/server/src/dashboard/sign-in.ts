import type { Api } from './api.js';
import { byId, setText } from './dom.js';

/** Asks for the bearer token that the listener requires. `onToken` is called when there is one to try. */
export function prepareSignIn(api: Api, onToken: () => void): { open(): void; close(): void } {
  const dialog = byId('sign-in', HTMLDialogElement);
  const field = byId('sign-in-token', HTMLInputElement);
  const error = byId('sign-in-error');
  // Without a token there is nothing to see behind the dialog.
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.querySelector('form')?.addEventListener('submit', (event) => {
    event.preventDefault();
    api.setBearer(field.value.trim());
    field.value = '';
    onToken();
  });
  return {
    open: () => {
      error.hidden = !api.hasBearer;
      setText(error, 'The server does not accept this token.');
      api.setBearer(null);
      if (!dialog.open) dialog.showModal();
    },
    close: () => dialog.close(),
  };
}
