import { applyDecorators, type INestApplication } from '@nestjs/common';
import { ApiResponse, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { problemSchema } from '@counterstep/protocol';

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request is not valid; `problems` names the fields.',
  404: 'There is no such thing.',
  409: 'Its state, or an earlier request, does not allow it.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  503: 'Not now; `Retry-After` says when to ask again.',
};

/** Of Mermaid, which browsers show as it is. */
export const DIAGRAM_TYPE = 'text/plain; charset=utf-8';

/** Declares the errors of a route, each a problem document. */
export function ApiProblems(...statuses: number[]): MethodDecorator & ClassDecorator {
  const responses = statuses.map((status) =>
    ApiResponse({ status, description: DESCRIPTIONS[status] ?? '', standardSchema: problemSchema }),
  );
  return applyDecorators(...responses);
}

export function openApiOf(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Counterstep')
    .setDescription('Starts, shows and undoes sagas.')
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  const byProblem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  for (const path of Object.values(document.paths))
    for (const operation of [path.get, path.post])
      for (const [status, response] of Object.entries(operation?.responses ?? {}))
        if (response && Number(status) >= 400 && 'content' in response) response.content = byProblem;
  return document;
}

/** Serves the document at `/api/openapi.json` and a page to try it at `/api/docs`. */
export function serveOpenApi(app: INestApplication): void {
  SwaggerModule.setup('api/docs', app, () => openApiOf(app), {
    jsonDocumentUrl: 'api/openapi.json',
    customSiteTitle: 'Counterstep API',
  });
}
