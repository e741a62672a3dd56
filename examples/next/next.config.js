const config = {
  // Do not bundle it: Node loads it from node_modules at run time.
  serverExternalPackages: ['sluiceway'],
};

// Next.js reads the default export.
export default config;
