import { stripPrefix } from 'sluiceway';
import { files } from '../../../files.js';

export const config = { api: { bodyParser: false, responseLimit: false, externalResolver: true } };

const handler = stripPrefix('/api/raw', files);

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
export default async function raw(request, response) {
  await handler.handle(request, response);
}
