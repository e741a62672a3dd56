import express from 'express';
import express4 from 'express4';
import { underExpress } from './express.js';
import { testAdapter } from './suite.js';

testAdapter(underExpress('5', express));
testAdapter(underExpress('4', express4));
