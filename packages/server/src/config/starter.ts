/** The file that `sluiceway config init` writes. `schema` is where editors find the JSON Schema. */
export const starterConfig = (schema: string): string => `# yaml-language-server: $schema=${schema}
#
# Configuration of Sluiceway. Check it with: sluiceway config check <file>
# Run it with:                              sluiceway serve --config <file>
# SIGHUP makes a running server read it again. Paths of files begin at the folder of this file.
# \${env:NAME} is the value of a variable, \${file:path} the content of a file: for secrets.

listeners:
  - address: 127.0.0.1:8080        # :8080 for all addresses, unix:/run/sluiceway.sock for a Unix socket
  # - address: :443
  #   tls: true                    # with the certificates below; HTTP/2 and HTTP/1.1
  #   hsts: true
  # - address: :80
  #   redirectToHttps: true

# tls:
#   certificates:                  # chosen by the name that the client asks for
#     - cert: certificates/files.example.com.pem
#       key: certificates/files.example.com.key

upstreams:
  files:
    url: http://127.0.0.1:9000
    # mirrors: [http://127.0.0.1:9001]   # the same files: they take over, even in the middle of a file

# defaults:                        # for all routes
#   trustedProxies: [10.0.0.0/8]   # load balancers in front of this server
#   timeouts: { upstreamIdle: 2m }

routes:                            # the most specific route serves a request, wherever it stands here
  - path: /
    proxy:
      upstream: files

  # - host: files.example.com
  #   path: /private
  #   access:
  #     basic: { users: { file: .htpasswd } }
  #   proxy: { upstream: files, stripPrefix: true }

  # - path: /download              # files of other servers, by links that \`sluiceway sign\` makes
  #   gateway:
  #     keys: { file: keys.json }  # sluiceway keys new --out keys.json

  # - path: /old
  #   redirect: { to: 'https://files.example.com{rest}{query}', status: 308 }

  - pattern: /health
    respond: { content: ok }

log:
  format: text                     # or json, combined, none
  # output: access.log             # or stdout, stderr; SIGUSR2 opens files again

drainTimeout: 30s                  # how long running transfers may take when the server stops
`;
