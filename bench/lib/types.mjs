// @ts-check
/**
 * The shapes that the parts of the bench hand to each other.
 *
 * @typedef {'plain' | 'tls-origin' | 'tls-client' | 'http2-client' | 'upload' | 'tunnel'} Route
 *   How a proxy is wired: to which origin, and whether its clients speak TLS, and HTTP/2 inside it.
 *
 * @typedef {object} Program
 * @property {number} pid
 * @property {number} port
 * @property {() => Promise<void>} stop
 *
 * @typedef {object} Certificates
 * @property {string} ca
 * @property {string} cert
 * @property {string} key
 * @property {string} bundle  certificate and key in one file, as HAProxy wants them
 *
 * @typedef {object} Lab  What every measurement of one run shares.
 * @property {string} dir  on a file system in memory
 * @property {string} root  of the repository
 * @property {Scale} scale
 * @property {Map<string, string>} tools  path of every outside program that was found, by name
 * @property {Certificates} certificates
 * @property {Program} files  the origin server for downloads
 * @property {Program} sink  the origin server for uploads
 * @property {Program | undefined} tunnel  the origin server for WebSockets; undefined without a C compiler
 * @property {number} tlsPort  of `files`
 * @property {string[]} readers  the command that reads slowly
 * @property {string | undefined} webSocket  the command that receives from a WebSocket; undefined without a C compiler
 * @property {Record<string, string>} helpers  which implementation of each helper is in use
 * @property {string} sluiceway  path of the program under test
 * @property {string | undefined} olderSluiceway  path of the older build's program
 * @property {string | undefined} olderProblem  why there is no older build
 * @property {string | undefined} node26  path of a Node 26
 * @property {string | undefined} goProxy  path of the compiled Go peer
 *
 * @typedef {object} Scale  Everything that `--quick` and `--size` change.
 * @property {number} bytes  of one large transfer
 * @property {number} warmUpBytes  of the transfer before each measured one
 * @property {number} rounds
 * @property {number} wrkSeconds
 * @property {number} wrkWarmUpSeconds
 * @property {number} firstByteRequests
 * @property {number} slowClients
 * @property {number} slowSettleSeconds
 * @property {number} slowSampleSeconds
 * @property {number} stalledBytes  size of the transfer that first crawls and then runs
 * @property {number} stalledSeconds
 *
 * @typedef {object} Wiring
 * @property {Route} route
 * @property {URL} origin
 * @property {boolean} tlsClient
 * @property {boolean} http2Client
 *
 * @typedef {object} Subject
 * @property {string} name
 * @property {string} label
 * @property {'sluiceway' | 'native' | 'node'} kind
 * @property {boolean} packaged  a ready-made Node proxy, rather than a few lines over a client library
 * @property {(lab: Lab) => string | undefined} missing  why it cannot run here
 * @property {(lab: Lab) => Promise<string>} version
 * @property {(lab: Lab, wiring: Wiring) => Promise<Program>} start
 *
 * @typedef {Record<string, number>} Sample
 *
 * @typedef {object} Run  One started subject, ready to be measured.
 * @property {Lab} lab
 * @property {Program} program
 * @property {URL} url  of the proxy
 * @property {Wiring} wiring
 *
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {number} digits
 * @property {boolean} [spread]  show the smallest and the largest value too
 * @property {boolean} [ratio]  show the ratio to nginx, and the reference ratio, too
 *
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} title
 * @property {Route} route
 * @property {number} maxRounds  fewer than asked for where a round takes a minute
 * @property {string[]} needs  outside programs
 * @property {(subject: Subject) => boolean} [subjects]  the only ones that can do it; all of them where it is left out
 * @property {'lower' | 'higher'} better
 * @property {Column[]} columns
 * @property {(run: Run) => Promise<void>} warmUp
 * @property {(run: Run) => Promise<Sample>} measure
 *
 * @typedef {object} Result
 * @property {string} subject
 * @property {'ok' | 'failed'} status
 * @property {string} [reason]
 * @property {Sample[]} rounds
 * @property {Sample} median
 * @property {Sample} min
 * @property {Sample} max
 *
 * @typedef {object} WorkloadReport
 * @property {string} name
 * @property {string} title
 * @property {number} rounds
 * @property {string} [skipped]  why it was not run
 * @property {Result[]} results
 *
 * @typedef {object} Bar
 * @property {string} name
 * @property {string} limit
 * @property {number | undefined} value
 * @property {'PASS' | 'FAIL' | 'NOT MEASURED'} verdict
 * @property {string} detail
 *
 * @typedef {object} Report
 * @property {1} schema
 * @property {string} date
 * @property {boolean} complete
 * @property {Scale} scale
 * @property {Record<string, string | number>} machine
 * @property {Record<string, string>} versions
 * @property {Record<string, string>} helpers
 * @property {{ subject: string, reason: string }[]} missing
 * @property {WorkloadReport[]} workloads
 * @property {Bar[]} bars
 * @property {string[]} warnings
 */

export {};
