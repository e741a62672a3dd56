import { SluicewayError } from '../../errors.js';
import { Fields, isFieldValue, isToken } from '../../http/fields.js';
import type { HeadLimits } from '../../http/head-reader.js';
import { statusText } from '../../http/status-text.js';
import type { InterimResponse } from '../transport.js';

/** Reads a head from Node's raw list, in which the pseudo-header fields come first. */
export function readResponseHead(raw: readonly string[], limits: HeadLimits): InterimResponse {
  const status = raw[0] === ':status' ? Number(raw[1]) : 0;
  if (!/^[1-9][0-9]{2}$/.test(raw[1] ?? '') || status < 100 || status === 101)
    throw new SluicewayError('http_protocol_error', 'Invalid response: bad status');
  const headers = readFieldLines(raw.slice(2), limits, 'http_response_header_section_size');
  return { status, statusText: statusText(status), headers };
}

/** Checks field lines that nghttp2 has accepted. Takes over `raw`. */
export function readFieldLines(
  raw: string[],
  { maxBytes, maxFields }: HeadLimits,
  tooLarge: 'http_response_header_section_size' | 'http_response_trailer_section_size',
): Fields {
  if (raw.length > 2 * maxFields) throw new SluicewayError(tooLarge, `More than ${maxFields} field lines`);
  let bytes = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    bytes += name.length + value.length + 4;
    if (!isToken(name)) throw new SluicewayError('http_protocol_error', 'Invalid response: bad field name');
    if (!isFieldValue(value)) {
      const message = 'Invalid response: control character in a field value';
      throw new SluicewayError('http_protocol_error', message);
    }
  }
  if (bytes <= maxBytes) return Fields.fromParser(raw);
  throw new SluicewayError(tooLarge, `A field section is larger than ${maxBytes} bytes`);
}
