import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { attachUpgrades, SluicewayModule, SluicewayService } from 'sluiceway/nest';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<IncomingMessage>();
    return request.headers['x-api-key'] === 'let-me-in';
  }
}

/** One file of the origin server at its own path, behind a guard. */
@Controller('reports')
@UseGuards(KeyGuard)
class ReportsController {
  constructor(private readonly sluiceway: SluicewayService) {}

  @Get('latest')
  latest(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    return this.sluiceway.streamFrom(request, response, `${ORIGIN}/static/logo.png`, { addresses: 'any' });
  }
}

@Module({
  // Everything under /files.
  imports: [SluicewayModule.forRoot({ path: '/files', upstream: ORIGIN })],
  controllers: [ReportsController],
})
class AppModule {}

// With `bodyParser`, Nest would read uploads before the module gets them.
const app = await NestFactory.create(AppModule, { bodyParser: false });
app.enableShutdownHooks();
attachUpgrades(app.getHttpServer() as Server, app.get(SluicewayService).handler, { path: '/files' });
await app.listen(Number(PORT));
