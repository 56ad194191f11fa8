import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isScalarType,
  type GraphQLInputObjectType,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { schemaText } from '../../../simulator/graphql/schema.ts';

/** Fly's own schema, kept beside the repository and no part of it. */
const published = fileURLToPath(new URL('../../../../shared/fly/schema.graphql', import.meta.url));

function kindOf(type: GraphQLNamedType): string {
  return type.constructor.name;
}

/** What `ours` has that `theirs` has not, or has otherwise. */
function differences(ours: GraphQLSchema, theirs: GraphQLSchema): readonly string[] {
  const found: string[] = [];
  for (const [root, other] of [
    [ours.getQueryType()?.name, theirs.getQueryType()?.name],
    [ours.getMutationType()?.name, theirs.getMutationType()?.name],
  ]) {
    if (root !== other) found.push(`root ${root}: ${other} there`);
  }
  for (const type of Object.values(ours.getTypeMap())) {
    if (isIntrospectionType(type)) continue;
    const other = theirs.getType(type.name);
    if (other === undefined) found.push(`type ${type.name}`);
    else if (kindOf(type) !== kindOf(other)) found.push(`type ${type.name} is ${kindOf(other)} there`);
    else found.push(...within(type, other));
  }
  return found;
}

function within(type: GraphQLNamedType, other: GraphQLNamedType): readonly string[] {
  if (isEnumType(type) && isEnumType(other)) {
    const known = new Set(other.getValues().map((value) => value.name));
    return type.getValues().flatMap((value) => (known.has(value.name) ? [] : [`value ${type.name}.${value.name}`]));
  }
  if (isInputObjectType(type) && isInputObjectType(other)) return withinInput(type, other);
  if ((isObjectType(type) || isInterfaceType(type)) && (isObjectType(other) || isInterfaceType(other))) {
    return withinObject(type, other);
  }
  return isScalarType(type) ? [] : [`type ${type.name} is of a kind that is not compared`];
}

function withinInput(type: GraphQLInputObjectType, other: GraphQLInputObjectType): readonly string[] {
  const theirs = other.getFields();
  const ours = type.getFields();
  const missing = Object.values(theirs)
    .filter((field) => isRequiredInputField(field) && ours[field.name] === undefined)
    .map((field) => `${type.name} lacks ${field.name}, which has to be sent`);
  const strange = Object.values(ours)
    .filter((field) => String(theirs[field.name]?.type) !== String(field.type))
    .map((field) => `${type.name}.${field.name}: ${String(field.type)}, ${String(theirs[field.name]?.type)} there`);
  return [...missing, ...strange];
}

function withinObject(
  type: GraphQLObjectType | GraphQLInterfaceType,
  other: GraphQLObjectType | GraphQLInterfaceType,
): readonly string[] {
  const found: string[] = [];
  for (const one of type.getInterfaces()) {
    if (!other.getInterfaces().some((it) => it.name === one.name)) found.push(`${type.name} implements ${one.name}`);
  }
  for (const field of Object.values(type.getFields())) {
    const where = `${type.name}.${field.name}`;
    const same = other.getFields()[field.name];
    if (String(same?.type) !== String(field.type))
      found.push(`${where}: ${String(field.type)}, ${String(same?.type)} there`);
    for (const argument of field.args) {
      const twin = same?.args.find((it) => it.name === argument.name);
      if (String(twin?.type) !== String(argument.type)) {
        found.push(`${where}(${argument.name}): ${String(argument.type)}, ${String(twin?.type)} there`);
      }
    }
    for (const argument of same?.args.filter(isRequiredArgument) ?? []) {
      if (!field.args.some((it) => it.name === argument.name)) found.push(`${where} lacks (${argument.name})`);
    }
  }
  return found;
}

describe('the GraphQL schema', () => {
  test.skipIf(!existsSync(published))(
    existsSync(published)
      ? "is a part of Fly's, name by name and type by type"
      : "is a part of Fly's: skipped, ../shared/fly/schema.graphql is not here to compare with",
    () => {
      expect(differences(buildSchema(schemaText), buildSchema(readFileSync(published, 'utf8')))).toEqual([]);
    },
  );

  test.each([
    ['a type', 'type Queries { a: Int } type Strange { a: Int }', 'type Strange'],
    ['a field', 'type Queries { a: Int b: Int }', 'Queries.b: Int, undefined there'],
    ['an argument', 'type Queries { a(b: Int): Int }', 'Queries.a(b): Int, undefined there'],
    ['a type that differs', 'type Queries { a: Int! }', 'Queries.a: Int!, Int there'],
    ['an enum value', 'type Queries { a: Int } enum E { A B }', 'value E.B'],
    [
      'an input without what is required',
      'type Queries { a: Int } input I { b: Int }',
      'I lacks c, which has to be sent',
    ],
    ['another kind', 'type Queries { a: Int } scalar E', 'type E is GraphQLEnumType there'],
  ])('%s of our own would be found', (_what, ours, difference) => {
    const fly = 'schema { query: Queries } type Queries { a: Int } enum E { A } input I { b: Int c: Int! }';
    const build = (text: string): GraphQLSchema => buildSchema(text, { assumeValidSDL: true });
    expect(differences(build(`schema { query: Queries } ${ours}`), build(fly))).toContain(difference);
  });
});
