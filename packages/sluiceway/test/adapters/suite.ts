import { afterAll, beforeAll, describe, type MockInstance, vi } from 'vitest';
import type { AdapterUnderTest, Feature } from './adapter-under-test.js';
import { AppLine } from './app-line.js';
import { testContent, testFieldLines, testTrailers } from './suite-content.js';
import { testGateway, testOwnListener, testStreamFrom, testUpgrades } from './suite-faces.js';
import { testErrorHandler, testOwnAnswers } from './suite-failures.js';
import { testContext, testMiddleware, testMount, testTrustProxy } from './suite-framework.js';
import { testParsedBody } from './suite-parsed-body.js';

/** What is tested of an adapter that has the feature. */
const TESTS: Readonly<Record<Feature, (app: AppLine) => void>> = {
  trailers: testTrailers,
  'field-lines': testFieldLines,
  'own-listener': testOwnListener,
  'error-handler': testErrorHandler,
  mount: testMount,
  context: testContext,
  'trust-proxy': testTrustProxy,
  'parsed-body': testParsedBody,
  middleware: testMiddleware,
  upgrade: testUpgrades,
  streamFrom: testStreamFrom,
};

/** The tests that every adapter passes, for one framework in one version. */
export function testAdapter(adapter: AdapterUnderTest): void {
  const app = new AppLine(adapter);
  describe(`in ${adapter.name}`, () => {
    // Frameworks log what nobody handles, some of them a little later.
    let logged: MockInstance;
    beforeAll(() => void (logged = vi.spyOn(console, 'error').mockReturnValue()));
    afterAll(() => logged.mockRestore());

    testContent(app);
    testOwnAnswers(app);
    testGateway(app);
    for (const [feature, run] of Object.entries(TESTS)) if (app.has(feature as Feature)) run(app);
  });
}
