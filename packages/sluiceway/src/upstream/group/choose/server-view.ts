import type { UpstreamServer } from '../server.js';

/** The server as a balancing function sees it: its members are current, and cannot be changed. */
export function viewOf(server: UpstreamServer): UpstreamServer {
  return Object.freeze({
    get url() {
      return server.url;
    },
    get weight() {
      return server.weight;
    },
    get backup() {
      return server.backup;
    },
    get zone() {
      return server.zone;
    },
    get state() {
      return server.state;
    },
    get since() {
      return server.since;
    },
    get share() {
      return server.share;
    },
    get transfers() {
      return server.transfers;
    },
    get bytesInFlight() {
      return server.bytesInFlight;
    },
    get bytesPerSecond() {
      return server.bytesPerSecond;
    },
    get requests() {
      return server.requests;
    },
    get failures() {
      return server.failures;
    },
    get lastFailure() {
      return server.lastFailure;
    },
    get ejections() {
      return server.ejections;
    },
    get ejectedBy() {
      return server.ejectedBy;
    },
    get fault() {
      return server.fault;
    },
  });
}
