export type {
  FetchContext,
  FetchHandler,
  FetchOptions,
  FetchStreamFromOptions,
  RouteHandlers,
} from './adapters/fetch/fetch.js';
export { streamFrom, toFetch, toRouteHandlers } from './adapters/fetch/fetch.js';
