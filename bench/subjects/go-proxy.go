// The peer "go": the standard library's ReverseProxy, with its buffers reused.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
)

type pool struct{ sync.Pool }

func (p *pool) Get() []byte  { return *p.Pool.Get().(*[]byte) }
func (p *pool) Put(b []byte) { p.Pool.Put(&b) }

func main() {
	listen := flag.String("listen", "", "")
	origin := flag.String("origin", "", "")
	ca := flag.String("ca", "", "")
	cert := flag.String("cert", "", "")
	key := flag.String("key", "", "")
	http2 := flag.Bool("http2", false, "")
	flag.Parse()

	target, err := url.Parse(*origin)
	if err != nil {
		log.Fatal(err)
	}
	pem, err := os.ReadFile(*ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)

	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.BufferPool = &pool{sync.Pool{New: func() any {
		b := make([]byte, 32<<10)
		return &b
	}}}
	proxy.Transport = &http.Transport{
		DisableCompression:  true,
		MaxIdleConns:        4096,
		MaxIdleConnsPerHost: 4096,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13},
	}
	server := &http.Server{
		Addr:      *listen,
		Handler:   proxy,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13},
	}
	if !*http2 {
		// Every subject is measured over the same protocol.
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	if *cert != "" {
		log.Fatal(server.ListenAndServeTLS(*cert, *key))
	}
	log.Fatal(server.ListenAndServe())
}
