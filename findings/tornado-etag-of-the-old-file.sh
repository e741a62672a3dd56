#!/bin/sh
# The StaticFileHandler of tornado 6.5.10 hashes a file once in the life of the process, and sends that hash as a strong ETag
# for every later state of the file. `If-None-Match` then gets 304 for other content, and `If-Range` a part of the new file
# for the beginning of the old one. RFC 9110 section 8.8.1 wants a strong validator to change with the content. `debug=True`
# or a restart helps. Only Last-Modified tells the states apart.
# Seen: 'same tag: True, other date: True, If-None-Match: 304'. Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tornado==6.5.10
mkdir files; printf 'the first file' >files/f; touch -d '2 hours ago' files/f
cat >run.py <<'PY'
import asyncio, os, sys
from tornado import httpserver, netutil, web
from tornado.httpclient import AsyncHTTPClient

async def main():
    app = web.Application([(r'/(.*)', web.StaticFileHandler, {'path': 'files'})])
    sockets = netutil.bind_sockets(0, '127.0.0.1')
    httpserver.HTTPServer(app).add_sockets(sockets)
    url = 'http://127.0.0.1:%d/f' % sockets[0].getsockname()[1]
    get = lambda **headers: AsyncHTTPClient().fetch(url, headers=headers, raise_error=False)
    before = await get()
    with open('files/new', 'w') as new:
        new.write('other contents')
    os.replace('files/new', 'files/f')
    after = await get()
    again = await get(**{'If-None-Match': before.headers['ETag']})
    tag = before.headers['ETag'] == after.headers['ETag'] and before.body != after.body
    date = before.headers['Last-Modified'] != after.headers['Last-Modified']
    print('same tag: %s, other date: %s, If-None-Match: %d' % (tag, date, again.code))
    sys.exit(0 if tag and date and again.code == 304 else 1)

asyncio.run(main())
PY
venv/bin/python run.py
