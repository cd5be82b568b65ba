// The OpenAPI document of the API over HTTP, made from the types of src/control/api.ts and the routes. Kept below build/ by what it is made of.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = [
  'src/control/api.ts',
  'src/control/api-changes.ts',
  'src/control/api-diff.ts',
  'src/control/api-revisions.ts',
  'src/control/api-events.ts',
  'src/control/api-peer.ts',
  'src/control/api-stats.ts',
  'src/control/api-vrrp.ts',
  'src/control/http/routes.ts',
  'test/tools/openapi.mjs',
  'package.json',
];

/** JSON Schema of the type `Methods`: every method's params and result, and the types that they are made of. */
async function schemasOf() {
  const { createGenerator } = await import('ts-json-schema-generator');
  const config = {
    path: join(ROOT, 'src/control/api.ts'),
    tsconfig: join(ROOT, 'tsconfig.json'),
    type: 'Methods',
    expose: 'export',
    topRef: true,
    additionalProperties: false,
    skipTypeCheck: true,
  };
  const { definitions } = createGenerator(config).createSchema('Methods');
  return JSON.parse(JSON.stringify(definitions).replaceAll('#/definitions/', '#/components/schemas/'));
}

/** Follows a reference to one of our own types. */
const resolved = (schemas, schema) => (schema?.$ref ? schemas[decodeURIComponent(schema.$ref.split('/').pop())] : schema);

/** The properties of a params type, whether written out, referred to, or an intersection. */
function fieldsOf(schemas, schema) {
  const { properties = {}, required = [], allOf = [] } = resolved(schemas, schema) ?? {};
  const parts = allOf.map((one) => fieldsOf(schemas, one));
  return {
    properties: Object.assign({}, ...parts.map((one) => one.properties), properties),
    required: [...required, ...parts.flatMap((one) => one.required)],
  };
}

const json = (schema, description) => ({ description, content: { 'application/json': { schema } } });

const ERROR = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: {
          enum: ['bad_request', 'unauthorized', 'forbidden', 'not_found', 'stale', 'refused', 'invalid_config', 'unavailable'],
        },
        message: { type: 'string' },
        problems: { type: 'array', items: { $ref: '#/components/schemas/ApiProblem' } },
      },
      required: ['code', 'message'],
    },
  },
  required: ['error'],
};

const FAILURES = {
  400: 'The request does not parse',
  401: 'A token is needed, or it is unknown',
  403: 'The token may not do that',
  409: 'Refused: unknown object, already there, …',
  412: 'Another revision is in force than the expected one',
  422: 'The new configuration is not valid; `problems` says why',
  503: 'A part of lbd did not answer',
};

/** FastAPI-like path of OpenAPI: {service} for :service. */
const templateOf = (path) => path.replace(/:([a-z_]+)/g, '{$1}');

function operation(route, schemas, tools) {
  const { properties: params, result } = schemas.Methods.properties[route.method].properties
    ? {
        ...fieldsOf(schemas, schemas.Methods.properties[route.method].properties.params),
        result: schemas.Methods.properties[route.method].properties.result,
      }
    : {};
  const { required } = fieldsOf(schemas, schemas.Methods.properties[route.method].properties.params);
  const inPath = tools.pathParams(route.path);
  const others = Object.entries(params).filter(([name]) => !inPath.includes(name));
  const parameters = inPath.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  const body = tools.hasBody(route) && others.length > 0;
  if (!body)
    for (const [name, schema] of others) parameters.push({ name, in: 'query', required: required.includes(name), schema });
  const needed = required.filter((name) => !inPath.includes(name));
  const content = body && {
    schema: {
      type: 'object',
      properties: Object.fromEntries(others),
      additionalProperties: false,
      ...(needed.length > 0 ? { required: needed } : {}),
    },
  };
  const failed = Object.fromEntries(
    Object.entries(FAILURES).map(([code, text]) => [code, json({ $ref: '#/components/schemas/Error' }, text)]),
  );
  return {
    operationId: `${route.verb.toLowerCase()}_${route.path.replace(/[^a-z]+/g, '_').replace(/^_|_$/g, '')}`,
    summary: route.summary,
    security: route.role === 'read' ? [{}, { token: [] }] : [{ token: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(content ? { requestBody: { required: needed.length > 0, content: { 'application/json': content } } } : {}),
    responses: { 200: json(result, 'Done'), ...failed },
  };
}

async function documentOf() {
  const schemas = await schemasOf();
  const tools = await import(pathToFileURL(join(ROOT, 'dist/src/control/http/routes.js')));
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const paths = {};
  for (const route of tools.ROUTES) {
    const path = `${tools.PREFIX}${templateOf(route.path)}`;
    paths[path] ??= {};
    paths[path][route.verb.toLowerCase()] = operation(route, schemas, tools);
  }
  const { Methods: _methods, ...types } = schemas;
  return {
    openapi: '3.1.0',
    info: {
      title: 'lbd',
      version,
      description: 'The control API of lbd: what lbctl uses, over HTTP.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas: { ...types, Error: ERROR }, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

/** The text of the document. dist/src must be there. */
export async function openapiText() {
  const hash = createHash('sha256');
  for (const file of SOURCES) hash.update(readFileSync(join(ROOT, file)));
  const kept = join(ROOT, 'build/openapi', `${hash.digest('hex')}.json`);
  if (existsSync(kept)) return readFileSync(kept, 'utf8');
  const text = JSON.stringify(await documentOf());
  mkdirSync(join(ROOT, 'build/openapi'), { recursive: true });
  writeFileSync(kept, text);
  return text;
}
