import Koa from 'koa';
import mount from 'koa-mount';
import Koa2 from 'koa2';
import { underKoa } from './koa.js';
import { testAdapter } from './suite.js';

testAdapter(underKoa('Koa 3, with koa-mount', Koa, (app, path, make) => app.use(mount(path, make()))));
testAdapter(underKoa('Koa 2', Koa2, (app, path, make) => app.use(make({ path }))));
