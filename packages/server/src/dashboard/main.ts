import { askForLimit, askToAbort } from './actions.js';
import { Api, ApiError } from './api.js';
import { Charts } from './charts.js';
import { prepareQuestions } from './confirm.js';
import { ConnectionView } from './connection-view.js';
import type { DeltaData, FailureData, GroupData, HistoryData, SnapshotData, TotalsData } from './contract.js';
import { Details } from './details.js';
import { byId } from './dom.js';
import type { StreamEvent } from './event-stream.js';
import { FailuresView } from './failures-view.js';
import { Filters } from './filters.js';
import { formatOutcome, kindOfOutcome } from './format.js';
import { History } from './history.js';
import { prepareKeyboard } from './keyboard.js';
import { askToRevoke } from './limit-actions.js';
import { LimitsView } from './limits-view.js';
import { type Connection, LiveStream } from './live-stream.js';
import { Announcer, toast } from './notices.js';
import { ServersView } from './servers-view.js';
import { prepareSignIn } from './sign-in.js';
import { TransferStore } from './store.js';
import { Table } from './table.js';
import { Tabs } from './tabs.js';
import { prepareTheme } from './theme.js';
import { showTotals } from './totals-view.js';
import { prepareTraffic } from './traffic.js';
import { TransfersView } from './transfers-view.js';

const api = new Api();
const store = new TransferStore();
const history = new History();
const announcer = new Announcer();
const connectionView = new ConnectionView();
const failuresView = new FailuresView();
/** Whether the API tells of limits. */
let hasLimits = false;

const act = (action: typeof askToAbort) => (id: string | null) => {
  const item = id === null ? undefined : store.get(id);
  if (item !== undefined && item.end === null) action(api, item);
};
const onAbort = act(askToAbort);
const onLimit = act(askForLimit);
const onOpen = (id: string | null) => {
  const item = id === null ? undefined : store.get(id);
  if (item !== undefined) details.open(item);
};

const onRevoke = (link: string) => askToRevoke(api, link);

const knownTime = () => store.timeOf(performance.now());
const details = new Details({ now: knownTime, onAbort, onLimit, onRevoke });
const table = new Table({ now: knownTime, onOpen, onAbort, onLimit });
const filters = new Filters(() => transfersView.select());
const transfersView = new TransfersView(store, table, filters, announcer);
const serversView = new ServersView(api, () => void refresh());
const limitsView = new LimitsView(api, () => void refresh());
const tabs = new Tabs(() => {
  transfersView.draw();
  void refresh();
});
const charts = new Charts(history);
const signIn = prepareSignIn(api, () => stream.retry());
const stream = new LiveStream({ api, onEvent, onConnection });

function onConnection(connection: Connection): void {
  const sentence = connectionView.show(connection);
  if (sentence !== null) announcer.say(sentence);
  if (connection.state === 'signed-out') signIn.open();
  if (connection.state === 'lost') history.interrupt();
  if (connection.state === 'lost' || connection.state === 'signed-out') store.stop(performance.now());
  if (connection.state !== 'live') return;
  signIn.close();
  void loadHistory();
  void loadFeatures();
  void refresh();
}

function onEvent({ type, data }: StreamEvent): void {
  const now = performance.now();
  if (type === 'snapshot') store.applySnapshot(JSON.parse(data) as SnapshotData, now);
  else if (type === 'delta') onDelta(JSON.parse(data) as DeltaData, now);
  else if (type === 'totals') return onTotals(JSON.parse(data) as TotalsData);
  else return;
  transfersView.request();
}

function onDelta(delta: DeltaData, now: number): void {
  for (const { outcome } of delta.ended)
    announcer.count(kindOfOutcome(outcome) === 'good' ? 'completed' : formatOutcome(outcome).toLowerCase());
  store.applyDelta(delta, now);
}

function onTotals(totals: TotalsData): void {
  history.add(totals);
  showTotals(totals);
  charts.update();
}

/** Offers only what the server can do. */
async function loadFeatures(): Promise<void> {
  await quietly(async () => {
    const { paths } = await api.get<{ paths: Record<string, unknown> }>('/api/openapi.json');
    const { classList } = document.body;
    classList.toggle('no-limit', !('/api/transfers/{id}/limit' in paths));
    classList.toggle('no-drain', !('/api/servers/{group}/{server}/drain' in paths));
    hasLimits = '/api/limits/rules' in paths;
    if (!hasLimits) tabs.offer('limits', false);
  });
  await loadLimits();
}

/** The tab is there if the server has rules or links. */
async function loadLimits(): Promise<void> {
  if (!hasLimits) return;
  await quietly(async () => {
    tabs.offer('limits', await limitsView.load(tabs.view === 'limits'));
  });
}

/** What the server does not send by itself. */
async function loadHistory(): Promise<void> {
  await quietly(async () => {
    history.load(await api.get<HistoryData>('/api/totals'));
    charts.update();
  });
}

async function refresh(): Promise<void> {
  await Promise.all([
    loadLimits(),
    quietly(async () => serversView.draw((await api.get<{ groups: GroupData[] }>('/api/servers')).groups)),
    quietly(async () =>
      failuresView.draw((await api.get<{ failures: FailureData[] }>('/api/failures')).failures),
    ),
  ]);
}

/** While the connection is lost, the bar says so, and nothing else has to. */
async function quietly(load: () => Promise<void>): Promise<void> {
  try {
    await load();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status >= 500) toast(error.message, 'bad');
  }
}

prepareQuestions();
prepareTheme(byId('theme'), () => charts.create());
prepareTraffic(api);
prepareKeyboard(tabs, {
  onMove: (step) => {
    tabs.show('transfers');
    table.move(step);
  },
  onOpen: () => onOpen(table.selected),
  onAbort: () => onAbort(table.selected),
  onLimit: () => onLimit(table.selected),
  onSearchCleared: () => filters.changed(),
});
byId('host').textContent = location.host;
byId('retry-now').addEventListener('click', () => stream.retry());
byId('open-help').addEventListener('click', () => byId('help', HTMLDialogElement).showModal());
for (const dialog of document.querySelectorAll('dialog')) {
  // A click beside the dialog is one on the dialog itself: its content covers the rest.
  dialog.addEventListener('click', ({ target }) => {
    if (target === dialog && dialog.id !== 'sign-in') dialog.close();
    if (target instanceof Element && target.closest('[data-close]') !== null) dialog.close();
  });
}
setInterval(() => {
  connectionView.tick();
  transfersView.tick();
  details.draw(details.id === null ? undefined : store.get(details.id));
}, 500);
setInterval(() => {
  if (!document.hidden) void refresh();
}, 2000);
void stream.run();
