// Runs before the page is painted, so that it never appears in the other theme first.

const KEY = 'sluiceway-theme';
const themes = ['system', 'light', 'dark'] as const;

type Theme = (typeof themes)[number];

const stored = (): Theme => themes.find((theme) => theme === localStorage.getItem(KEY)) ?? 'system';

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

/** Whether the page is dark right now. */
const isDark = (): boolean =>
  stored() === 'dark' || (stored() === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);

/** Lets a button change the theme. `onChange` is called whenever the colours change. */
export function prepareTheme(button: HTMLElement, onChange: () => void): void {
  const label = () =>
    button.setAttribute('aria-label', isDark() ? 'Use the light theme' : 'Use the dark theme');
  label();
  button.addEventListener('click', () => {
    const next = isDark() ? 'light' : 'dark';
    localStorage.setItem(KEY, next);
    apply(next);
    label();
    onChange();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    label();
    onChange();
  });
}

apply(stored());
