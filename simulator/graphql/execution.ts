import {
  buildSchema,
  execute,
  getOperationAST,
  Kind,
  OperationTypeNode,
  parse,
  validate,
  GraphQLError,
  type DocumentNode,
  type GraphQLFieldResolver,
  type OperationDefinitionNode,
} from 'graphql';
import { fieldsOf, isObject, objectField, textField } from '../wire/body.ts';
import type { RequestContext } from '../http/request-context.ts';
import { appTypeFields } from './app.ts';
import { machineTypeFields } from './machines.ts';
import { mutationFields } from './mutations.ts';
import type { TypeFields } from './fields.ts';
import { organizationTypeFields } from './organization.ts';
import { queryTypeFields } from './queries.ts';
import { releaseTypeFields } from './releases.ts';
import { schemaText } from './schema.ts';
import { ok, Refusal, type Reply } from '../wire/replies.ts';

const schema = buildSchema(schemaText);

const typeFields: TypeFields = {
  ...queryTypeFields,
  Mutations: mutationFields,
  ...appTypeFields,
  ...machineTypeFields,
  ...releaseTypeFields,
  ...organizationTypeFields,
};

/** A field that has no function of its own is the property of that name. */
const fieldResolver: GraphQLFieldResolver<unknown, RequestContext> = (
  source,
  args,
  call,
  { parentType, fieldName },
) => {
  const field = typeFields[parentType.name]?.[fieldName];
  // The schema sees to it that a type's functions get that type's records and arguments.
  if (field !== undefined) return field(source as never, args as never, call);
  return isObject(source) ? source[fieldName] : undefined;
};

/** Answers 200 whatever went wrong inside, and 401 without a token unless only the schema is asked for. */
export async function answerGraphql(call: RequestContext): Promise<Reply> {
  const fields = fieldsOf(call.body);
  const parsed = parsedDocument(textField(fields, 'query') ?? '');
  if (parsed.document === undefined) return ok({ errors: [errorView(parsed.error)] });
  const { document } = parsed;
  const operationName = textField(fields, 'operationName') || undefined;
  const operation = getOperationAST(document, operationName) ?? undefined;
  const invalid = validate(schema, document);
  if (call.grant.id === '' && (operation === undefined || !asksForSchemaOnly(operation))) return unauthorized;
  if (invalid.length > 0) return ok({ errors: invalid.map(errorView) });
  if (call.grant.readOnly && operation?.operation === OperationTypeNode.MUTATION) return ok({ errors: [forbidden] });
  const { data, errors } = await execute({
    schema,
    document,
    contextValue: call,
    fieldResolver,
    variableValues: objectField(fields, 'variables'),
    operationName,
  });
  return ok({
    ...(data === undefined ? {} : { data }),
    ...(errors === undefined ? {} : { errors: errors.map(errorView) }),
  });
}

type Parsed =
  | { readonly document: DocumentNode; readonly error?: undefined }
  | { readonly document?: undefined; readonly error: GraphQLError };

function parsedDocument(query: string): Parsed {
  try {
    return { document: parse(query) };
  } catch (error) {
    if (error instanceof GraphQLError) return { error };
    throw error;
  }
}

/** Fragments on the root are taken for data: nobody asks for the schema that way. */
function asksForSchemaOnly({ selectionSet }: OperationDefinitionNode): boolean {
  return selectionSet.selections.every((one) => one.kind === Kind.FIELD && one.name.value.startsWith('__'));
}

const unauthorizedError = {
  message: 'You must be authenticated to view this.',
  extensions: { code: 'UNAUTHORIZED' },
};
const unauthorized: Reply = { status: 401, body: { errors: [unauthorizedError] } };
const forbidden = { message: 'Not authorized to change this.', extensions: { code: 'UNAUTHORIZED' } };

const codes: Readonly<Record<number, string>> = { 401: 'UNAUTHORIZED', 403: 'UNAUTHORIZED', 404: 'NOT_FOUND' };

/** What REST would have refused has its words and a code; the rest is said as the library says it. */
function errorView(error: GraphQLError) {
  const { message, locations, path, originalError } = error;
  const place = { ...(locations === undefined ? {} : { locations }), ...(path === undefined ? {} : { path }) };
  if (!(originalError instanceof Refusal)) {
    const code = originalError === undefined || originalError === null ? 'GRAPHQL_VALIDATION_FAILED' : 'INTERNAL';
    return { message, ...place, extensions: { code } };
  }
  const { body, status } = originalError;
  const text = isObject(body) && typeof body['error'] === 'string' ? body['error'] : message;
  return { message: text, ...place, extensions: { code: codes[status] ?? 'UNPROCESSABLE' } };
}
