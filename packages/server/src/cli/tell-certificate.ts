import { formatDuration } from 'sluiceway';
import type { AcmeEvent } from '../acme/certificate-job.js';
import { complain, say } from './output.js';

/** Says what became of a certificate. */
export function tellCertificate(event: AcmeEvent): void {
  const { domain } = event;
  if (event.type === 'obtained')
    say(`obtained a certificate for ${domain}, valid until ${event.validTo.toISOString()}`);
  else
    complain(
      `no certificate for ${domain}: ${event.error.message}; next attempt in ${formatDuration(Math.round(event.retryMs / 1000) * 1000)}`,
    );
}
