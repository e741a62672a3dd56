import { createServer } from 'node:http';
import { streamFrom } from 'sluiceway';
import { presign } from './presign.js';

const { PORT = '8080', S3_ENDPOINT = 'http://127.0.0.1:9000', S3_BUCKET = 'reports' } = process.env;
const { S3_REGION = 'us-east-1', S3_KEY_ID = '', S3_SECRET = '' } = process.env;

const bucket = {
  endpoint: S3_ENDPOINT,
  bucketPath: `/${S3_BUCKET}`,
  region: S3_REGION,
  keyId: S3_KEY_ID,
  secret: S3_SECRET,
};
/** @type {import('sluiceway').StreamFromOptions<{ key: string, name: string }>} */
const options = {
  // The URL is trusted, and the bucket may be at a private address.
  addresses: 'any',
  onUpstreamResponse({ response, request }) {
    response.headers.set('Content-Disposition', `attachment; filename="${request.context.name}"`);
  },
};

/** Stands for the application's own data about documents. */
const documents = new Map([['1', { key: '2026/annual report.pdf', name: 'annual-report.pdf' }]]);

createServer((request, response) => {
  const document = documents.get(/^\/documents\/(\w+)$/.exec(request.url ?? '')?.[1] ?? '');
  if (document === undefined) {
    response.writeHead(404).end();
    return;
  }
  const url = presign(bucket, document.key, { seconds: 60 });
  void streamFrom(request, response, url, options, { context: document });
}).listen(Number(PORT));
