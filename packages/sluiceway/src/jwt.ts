export { jwt } from './access/remote/jwt.js';
export type { JwtKeySet, JwtKeys, JwtOptions } from './access/remote/jwt-options.js';
