import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleCls,
  type DynamicModule,
  Inject,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestModule,
} from '@nestjs/common';
import { type SluicewayModuleOptions, SluicewayService } from './nest-service.js';

/** Options of a module besides its own. */
interface Extras {
  /** Whether all modules of the application can inject the service. Default false. */
  isGlobal: boolean;
}

/** Contains only the service, because a global module's middleware would run before the application's. */
class SluicewayServiceModule {
  readonly isPartOf = 'SluicewayModule';
}

/** The module that mounts is never global. The inner module, which it exports, can be. */
function withServiceInside(
  { module, imports = [], providers = [] }: DynamicModule,
  { isGlobal }: Extras,
): DynamicModule {
  const inside: DynamicModule = {
    module: SluicewayServiceModule,
    global: isGlobal,
    imports,
    providers: [...providers, SluicewayService],
    exports: [SluicewayService],
  };
  return { module, imports: [inside], exports: [inside] };
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<SluicewayModuleOptions>({ moduleName: 'Sluiceway' })
    .setClassMethodName('forRoot')
    .setExtras<Extras>({ isGlobal: false }, withServiceInside)
    .build();

const Configurable: ConfigurableModuleCls<SluicewayModuleOptions, 'forRoot', 'create', Extras> =
  ConfigurableModuleClass;

/**
 * Serves a proxy, a gateway or another handler in a Nest application on Express or Fastify: `imports:
 * [SluicewayModule.forRoot({ path: '/files', upstream: 'http://127.0.0.1:9000' })]`, or `forRootAsync` with `inject`
 * and `useFactory`. Without `path`, controllers call the `SluicewayService`, which the module exports. The
 * application's shutdown drains it. Invalid options fail the start with an `OptionsError`.
 */
export class SluicewayModule extends Configurable implements NestModule {
  readonly #service: SluicewayService;

  constructor(service: SluicewayService) {
    super();
    this.#service = service;
  }

  configure(consumer: MiddlewareConsumer): void {
    const { path, use } = this.#service;
    if (path !== null) consumer.apply(use).forRoutes('{*path}');
  }
}

// Called directly instead of as decorators, which compile to the same calls.
Injectable()(SluicewayService);
Inject(MODULE_OPTIONS_TOKEN)(SluicewayService, undefined, 0);
Module({})(SluicewayServiceModule);
Module({})(SluicewayModule);
Inject(SluicewayService)(SluicewayModule, undefined, 0);
