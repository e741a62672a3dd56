// Imports a module as Node.js does, without the transforms of vitest, and with the built packages.
module.exports = (/** @type {string} */ url) => import(url);
