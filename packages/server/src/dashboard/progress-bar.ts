import type { TransferData } from './contract.js';
import { element, setAttribute } from './dom.js';
import { formatBytes, formatPercent } from './format.js';
import { progressOf } from './store.js';

/** Shows the progress of a transfer on a bar of the page, with a mark at each healed break. */
export function drawProgress(bar: HTMLElement, data: TransferData): void {
  const { bytes, total } = progressOf(data);
  const fraction = total === null ? null : total === 0 ? 1 : Math.min(1, bytes / total);
  const [track, marks] = bar.children;
  const fill = track?.firstElementChild;
  if (!(fill instanceof HTMLElement) || !(marks instanceof HTMLElement)) return;
  bar.classList.toggle('unknown', fraction === null);
  const transform = `translateX(${fraction === null ? '0' : ((fraction - 1) * 100).toFixed(2)}%)`;
  if (fill.style.transform !== transform) fill.style.transform = transform;
  if (bar.getAttribute('role') === 'progressbar') {
    setAttribute(bar, 'aria-valuenow', fraction === null ? undefined : Math.floor(fraction * 100));
    setAttribute(
      bar,
      'aria-valuetext',
      fraction === null ? formatBytes(bytes) : `${formatPercent(fraction)}${healedText(data.resumes)}`,
    );
  }
  drawMarks(marks, data, total ?? bytes);
}

/** `, healed twice`, for screen readers. */
const healedText = (resumes: number): string => (resumes === 0 ? '' : `, ${timesHealed(resumes)}`);

export const timesHealed = (resumes: number): string => (resumes === 1 ? 'healed' : `healed ${resumes}×`);

function drawMarks(marks: HTMLElement, { resumedAt }: TransferData, total: number): void {
  while (marks.children.length > resumedAt.length) marks.lastElementChild?.remove();
  resumedAt.forEach((offset, i) => {
    const mark = marks.children[i] ?? marks.appendChild(element('i', { class: 'mark-healed' }));
    if (!(mark instanceof HTMLElement)) return;
    const left = `${(total === 0 ? 0 : Math.min(1, offset / total) * 100).toFixed(2)}%`;
    if (mark.style.left !== left) mark.style.left = left;
    const title = `Broke off at ${formatBytes(offset)}, and went on from there`;
    if (mark.title !== title) mark.title = title;
  });
}
