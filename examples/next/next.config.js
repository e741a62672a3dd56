const config = {
  // Node finds it in node_modules when the server runs: nothing of it needs bundling.
  serverExternalPackages: ['sluiceway'],
};

// Next.js looks for the default export.
export default config;
