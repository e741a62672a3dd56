import { createHash, createHmac } from 'node:crypto';

/** @type {(key: string | Buffer, text: string) => Buffer} */
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

/** @type {(text: string) => string} */
const escape = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * Creates a URL that gives access to one object of a bucket for some seconds: AWS Signature Version 4 in the query. The
 * SDK of your storage provider has the same function (`@aws-sdk/s3-request-presigner`).
 *
 * @param {{ endpoint: string, bucketPath: string, region: string, keyId: string, secret: string }} bucket
 * @param {string} key The key of the object.
 * @param {{ seconds: number, now?: Date }} validity
 * @returns {string}
 */
export function presign({ endpoint, bucketPath, region, keyId, secret }, key, { seconds, now = new Date() }) {
  const { host } = new URL(endpoint);
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = [time.slice(0, 8), region, 's3', 'aws4_request'];
  const path = `${bucketPath}/${key.split('/').map(escape).join('/')}`;
  const query = Object.entries({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': [keyId, ...scope].join('/'),
    'X-Amz-Date': time,
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': 'host',
  })
    .map(([name, value]) => `${name}=${escape(value)}`)
    .join('&');
  const request = ['GET', path, query, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = createHash('sha256').update(request).digest('hex');
  let signingKey = hmac(`AWS4${secret}`, time.slice(0, 8));
  for (const part of scope.slice(1)) signingKey = hmac(signingKey, part);
  const signature = hmac(signingKey, ['AWS4-HMAC-SHA256', time, scope.join('/'), digest].join('\n'));
  return `${endpoint}${path}?${query}&X-Amz-Signature=${signature.toString('hex')}`;
}
