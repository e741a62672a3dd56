#!/usr/bin/env node
// Committed, because npm links a workspace's bins before anything is built.
import '../dist/bundle/main.js';
