/** The language of keepalived.conf, construct by construct; what the real one makes of the same is in test/netns/keepalived-language.test.ts. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: parameters of the old language
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKeepalived } from '../../../../src/config/keepalived/read.js';
import type { Fault, Statement, Surroundings, Tree } from '../../../../src/config/keepalived/types.js';

const FILE = '/etc/keepalived/keepalived.conf';

const around: Surroundings = {
  readInclude: () => 'no include here',
  configId: 'main',
  env: { ROUTER: 'r7' },
  folderOf: (file) => file.slice(0, file.lastIndexOf('/')),
};

const read = (text: string, more: Partial<Surroundings> = {}): Tree =>
  readKeepalived({ file: FILE, text }, { ...around, ...more });

/** A file of each name, for includes that name one. */
const withFiles = (files: Readonly<Record<string, string>>): Partial<Surroundings> => ({
  readInclude: (pattern) => {
    const text = files[pattern];
    return text === undefined
      ? [{ lacks: 'match', message: `there is no ${pattern}` }]
      : [{ file: `/etc/keepalived/${pattern}`, text }];
  },
});

const words = ({ key, args }: Statement): string => [key, ...args].map((one) => one.text).join(' ');
/** Statements as text, a block in braces. */
const shown = (list: readonly Statement[]): string =>
  list.map((one) => (one.block ? `${words(one)} { ${shown(one.block)} }` : words(one))).join('; ');
const show = (tree: Tree): string => {
  assert.deepEqual(tree.faults, []);
  return shown(tree.statements);
};
const told = (list: readonly Fault[]): string[] =>
  list.map(({ place, message }) => `${place.file.split('/').at(-1)}:${place.line}:${place.column} ${message}`);
const faultsOf = (text: string, more: Partial<Surroundings> = {}): string[] => told(read(text, more).faults);
/** Where a thousand lines are the most that sequences and parameters may make. */
const faultsOfFew = (text: string): string[] => told(readKeepalived({ file: FILE, text }, around, 1000).faults);
const warningsOf = (text: string, more: Partial<Surroundings> = {}): string[] => told(read(text, more).warnings);

test('keywords, their words and their blocks, wherever the braces stand', () => {
  assert.equal(
    show(read('a b c\nd { e f\n g }\nh\n{\n\n i\n}\nj { k{l m}n } o')),
    'a b c; d { e f; g }; h { i }; j { k { l m }; n }; o',
  );
  assert.equal(show(read('a{}b {}')), 'a {  }; b {  }');
  assert.equal(show(read('a "{ }" { b "}" }')), 'a { } { b } }');
});

test('a brace too many is passed over, with a warning where it stands', () => {
  const text = 'a {\n}\n } # oops\nb {\n c {} } }\nd\n}';
  assert.equal(show(read(text)), 'a {  }; b { c {  } }; d');
  assert.deepEqual(
    warningsOf(text),
    ['3:2', '5:9', '7:1'].map(
      (at) => `keepalived.conf:${at} a } that closes nothing: keepalived says so, too, and passes over it`,
    ),
  );
  assert.deepEqual(read(text).statements[1]?.above, [' oops']);
  const opened = '{\na {} {\nb { {\n c } d\n} {\n e\n}';
  assert.equal(show(read(opened)), 'a {  }; b { c }; d; e');
  assert.deepEqual(
    warningsOf(opened).map((one) => /:(\d+:\d+) a ([{}])/.exec(one)?.slice(1).join(' ')),
    ['1:1 {', '2:6 {', '3:5 {', '5:1 }', '5:3 {', '7:1 }'],
  );
});

test('a block that nothing closes is a fault, where it begins', () => {
  assert.deepEqual(faultsOf('vs {\n  rs 1 {\n    w 1\n  rs 2 {\n  }\n}\n'), [
    'keepalived.conf:1:1 nothing closes the block of vs: a } is missing, it seems before line 4',
  ]);
  assert.match(faultsOf('a {'.repeat(1000))[0] ?? '', /^keepalived.conf:1:154 blocks within blocks, more than 50 deep/);
});

test('each word knows its place, also after what was taken out of its line', () => {
  const [one] = read('\ta  b \\#c d { "e f" }').statements;
  assert.deepEqual(
    [one?.key, ...(one?.args ?? []), one?.block?.[0]?.key].map((word) => [word?.text, word?.place.column, word?.quoted]),
    [
      ['a', 2, false],
      ['b', 5, false],
      ['#c', 8, false],
      ['d', 11, false],
      ['e f', 15, true],
    ],
  );
});

/** Statements with their comments, one thing a line. */
function commented(list: readonly Statement[], depth = ''): string[] {
  return list.flatMap((one) => [
    ...one.above.map((text) => `${depth}#${text}`),
    `${depth}${words(one)}${one.beside === undefined ? '' : ` #${one.beside}`}`,
    ...(one.block ? commented(one.block, `${depth}  `) : []),
    ...one.below.map((text) => `${depth}  #${text}`),
  ]);
}

test('comments stay with what they are about, and so do the empty lines between them', () => {
  const text = `! Configuration File

# one
# two

#three
a b # beside a
c { ! beside c
  # in c

  #d off
  e
  # after e
} # after c
f
# last
  # of all \\`;
  const { statements, below } = read(text);
  assert.deepEqual(
    [...commented(statements), ...below],
    [
      ...['# Configuration File', '#', '# one', '# two', '#', '#three', 'a b # beside a', 'c # beside c'],
      ...['  # in c', '  #', '  #d off', '  e', '  # after e', '  # after c', 'f', ' last', ' of all \\'],
    ],
  );
  assert.deepEqual(commented(read('a { b 1 c { d } } # of a\n{ # nothing\n').statements).slice(0, 2), ['a # of a', '  b 1 c']);
});

test('a # within a word, an escaped one, one in quotes', () => {
  const text = 'auth_pass ab#cd\na b\\#c \\!d "e#f!" # g\n';
  assert.equal(show(read(text)), 'auth_pass ab; a b#c !d e#f!');
  assert.deepEqual(warningsOf(text), [
    'keepalived.conf:1:13 this # begins a comment in the middle of a word, so keepalived knows only what stands before it: write \\# where it belongs to the word',
  ]);
});

test('words of commands are read like those of a shell, beside the usual way', () => {
  const escapedOf = (text: string): string[] | string | undefined => {
    const escaped = read(text).statements[0]?.escaped;
    return escaped && ('message' in escaped ? `${escaped.place.column} ${escaped.message}` : escaped.map((one) => one.text));
  };
  assert.equal(escapedOf('script "/bin/x y"'), undefined);
  assert.deepEqual(escapedOf(`script 'a b'"c d"e\\ f \\x41\\102\\103x\\t\\cA\\q "it's" ''`), [
    'a bc de f',
    'ABCx\t\x01q',
    "it's",
    '',
  ]);
  assert.deepEqual(escapedOf('script "sh -c \\"x y\\""'), ['sh -c "x y"']);
  assert.equal(escapedOf("router_id don't"), "14 nothing ends what this ' begins");
  assert.deepEqual(
    read("a 'b c'").statements[0]?.args.map((one) => one.text),
    ["'b", "c'"],
  );
  assert.match(
    warningsOf('script "a \\" b"')[0] ?? '',
    /^keepalived.conf:1:15 keepalived says that nothing ends what this " begins/,
  );
});

test('a quote that nothing ends, a NUL, a \\ at the end: faults, for keepalived loses words there', () => {
  assert.deepEqual(faultsOf('a "b\nc'), ['keepalived.conf:1:3 nothing ends what this " begins: write \\" where it is no quote']);
  assert.deepEqual(faultsOf('a b\0c\n'), ['keepalived.conf:1:4 a NUL: keepalived does not see what follows it on its line']);
  assert.match(
    faultsOf('a b \\\n c\n').join(),
    /^keepalived.conf:1:5 a \\ at the end of a line joins it with the next one in the value/,
  );
  assert.deepEqual(faultsOf('# a \\\nb\n$X= \\\n c\n$X'), []);
});

test('a byte order mark, other line ends, no line end, bytes that are no UTF-8', () => {
  assert.equal(show(read('\uFEFFa b\r\n\r\nc\r')), 'a b; c');
  assert.match(warningsOf('\uFEFFa').join(), /^keepalived.conf:1:1 a byte order mark/);
  assert.match(warningsOf('a\rb').join(), /^keepalived.conf:1:2 a carriage return/);
  const { warnings } = readKeepalived({ file: FILE, text: '# caf\xe9\na caf\xe9', isBytes: true }, around);
  assert.deepEqual(told(warnings), [
    'keepalived.conf:2:6 this is no UTF-8: it is written in UTF-8 now, which is not the same bytes',
  ]);
  assert.match(warningsOf(`a ${'b'.repeat(1100)}`).join(), /^keepalived.conf:1:1 keepalived cuts lines of more than 1022 bytes/);
  assert.deepEqual(faultsOf(`a ${'b'.repeat(20_000)}`), ['keepalived.conf:1:1 a line of more than 16384 characters']);
});

test('parameters: what they stand for is known where they are used', () => {
  assert.equal(show(read('$A=10.2.${B}\n$B=0\nx ${A}.1\n$B=10\nx ${A}.1\n$E=\ny $E z')), 'x 10.2.0.1; x 10.2.10.1; y z');
  const [x] = read('$A=b c\n\n  x $A d').statements;
  assert.deepEqual(
    x?.args.map(({ text, place }) => [text, place.line, place.column]),
    [
      ['b', 3, 5],
      ['c', 3, 5],
      ['d', 3, 8],
    ],
  );
});

test('parameters that do not become what they seem to be', () => {
  assert.deepEqual(warningsOf('$A=1\n$A=2\nx $A\n$C=3\n'), [
    'keepalived.conf:1:2 nothing uses this value of $A: line 2 of /etc/keepalived/keepalived.conf gives it another',
    'keepalived.conf:4:2 nothing uses $C',
  ]);
  assert.deepEqual(warningsOf('$A=1\nx $A.1 ${A} $B "${B}"'), [
    'keepalived.conf:2:3 keepalived leaves $A as it is here, since a letter or sign follows it: write ${A}',
    'keepalived.conf:2:13 $B is not defined: it stays as it is, as with keepalived',
    'keepalived.conf:2:17 ${B} is not defined: it stays as it is, as with keepalived',
  ]);
  assert.match(
    faultsOf('x ${B}').join(),
    /^keepalived.conf:1:3 \$\{B\} is not defined, and keepalived takes its braces for those of a block/,
  );
  assert.match(
    warningsOf('$A=a\\#b\nx ${A} c').join(),
    /2:3 what follows this # is a comment once .* does not see "b c" \(in the value of \$A, .*:1\)/,
  );
});

test('parameters that go on and on', () => {
  assert.match(faultsOf('$A=$A\nx $A').join(), /^keepalived.conf:2:1 the parameters of this line go on and on/);
  assert.match(faultsOf('$A=${B}${B}\n$B=${A}${A}\nx $A').join(), /the parameters of this line go on and on/);
  const doubled = Array.from({ length: 40 }, (_, i) => `$A${i}=\${A${i + 1}}\${A${i + 1}}`).join('\n');
  assert.match(faultsOf(`${doubled}\n$A40=xxxx\nx $A0`).join(), /the parameters of this line go on and on/);
  assert.deepEqual(faultsOfFew('$A= \\\n a \\\n $A\n$A'), [
    'keepalived.conf:4:1 parameters and sequences make more than 1000 lines (in the value of $A, /etc/keepalived/keepalived.conf:3)',
  ]);
});

test('values of several lines, one within the other, and the comments and conditions in them', () => {
  const text = `$RS= \\
    rs 10.0.\${VS}.\${N} { \\
      # its weight
      w 1 \\
      @main m \\
      @other o \\
    }
$BLOCK= \\
    vs \${VS} { \\
      $N=1 \\
      $RS \\
      $N=2 \\
      $RS \\
    }
$VS=7
$BLOCK
`;
  const tree = read(text);
  assert.equal(show(tree), 'vs 7 { rs 10.0.7.1 { w 1; m }; rs 10.0.7.2 { w 1; m } }');
  assert.deepEqual(tree.statements[0]?.above, [' its weight']);
  assert.deepEqual(tree.statements[0]?.block?.[1]?.key.place, { file: FILE, line: 16, column: 1 });
  assert.deepEqual(told(tree.warnings), [
    `keepalived.conf:16:1 lines of @other are passed over, since this is the configuration of "main": -i says another; they stay as comments (in the value of $RS, ${FILE}:6)`,
  ]);
  assert.deepEqual(faultsOf('$A= \\\n a \\'), ['keepalived.conf:1:5 its file ends within the value of $A']);
  assert.match(faultsOf('$A= \\\n a \\\n\n b \\\n$A').join(), /^keepalived.conf:4:4 a \\ at the end of a line/);
});

test('the parameters that keepalived knows by itself', () => {
  assert.equal(show(read('x ${_PWD}/s ${_INSTANCE} "${_HASH}${_BANG}" ${_ENV ROUTER}')), 'x /etc/keepalived/s main #! r7');
  assert.equal(show(read('x a${_HASH}b')), 'x a#b');
  assert.match(
    warningsOf('x a${_HASH}b').join(),
    /1:4 keepalived 2.2 takes what \$\{_HASH\} stands for as the beginning of a comment/,
  );
  assert.deepEqual(faultsOf('x ${_ENV NONE} ${_ENV}'), [
    'keepalived.conf:1:3 the variable NONE is not in the environment: set it as it is where keepalived runs',
    'keepalived.conf:1:16 ${_ENV} names a variable of the environment: ${_ENV NAME}',
  ]);
  assert.match(faultsOf('x ${_INSTANCE}', { configId: undefined }).join(), /say it with -i$/);
});

test('a random number is drawn once, within its bounds, and another one on another host', () => {
  const drawn = (configId: string): number => Number(read('x ${_RANDOM 10 1000000}', { configId }).statements[0]?.args[0]?.text);
  assert.equal(drawn('a'), drawn('a'));
  assert.notEqual(drawn('a'), drawn('b'));
  assert.ok(drawn('a') >= 10 && drawn('a') <= 1_000_000);
  assert.equal(show(read('x ${_RANDOM 7 7}')), 'x 7');
  assert.match(warningsOf('x ${_RANDOM}').join(), /1:3 keepalived draws a number whenever it starts/);
});

test('conditions: what is for others stays as a comment, and that is told once for each of them', () => {
  const text = '@main a\n@other b 1\n@^main c\n@^other d\n@other e { @main f }\ng';
  const tree = read(text);
  assert.equal(show(tree), 'a; d; g');
  assert.deepEqual(commented(tree.statements), ['a', '# @other b 1', '# @^main c', 'd', '# @other e { @main f }', 'g']);
  assert.deepEqual(
    tree.warnings.map(({ place, message }) => [place.line, message.split(',')[0]]),
    [
      [2, 'lines of @other are passed over'],
      [3, 'lines of @^main are passed over'],
    ],
  );
  assert.equal(show(read('$IF=@main\n$IF a\n$NOT=@other\n$NOT b')), 'a');
  assert.equal(show(read('@main a\n@^main b', { configId: undefined })), 'b');
  assert.match(warningsOf('@main').join(), /^keepalived.conf:1:1 nothing follows @main on its line/);
});

test('sequences and lists', () => {
  assert.equal(
    show(read('~SEQ(A,1,2) ~LST({B,C},{x,y},{z}) a ${A}${B}${C} { b }')),
    'a 1xy { b }; a 1z { b }; a 2xy { b }; a 2z { b }',
  );
  assert.equal(show(read('~SEQx(A, 0x90, 0x10, 0xb0) a:${A}')), 'a:90; a:a0; a:b0');
  for (const [text, message] of [
    ['~SEQ(A) x', /~SEQ is written/],
    ['~SEQ(A,1 x', /~SEQ is written/],
    ['~SEQ(1,1,2) x', /"1" is no name of a parameter/],
    ['~SEQ(A,b) x', /one to three whole numbers/],
    ['~SEQ(A,1,2,3,4) x', /one to three whole numbers/],
    ['~SEQ(A,1,0,3) x', /never comes from 1 to 3 in steps of 0/],
    ['~SEQ(A,3,1,1) x', /never comes from 3 to 1 in steps of 1/],
    ['~SEQx(A,-3) x', /counts from 0 upwards only/],
    ['~LST(A) x', /~LST is written/],
    ['~LST({A,B},1', /~LST is written/],
    ['~LST({A},{1,2}) x', /~LST has 1 names, and 2 values for them: 1, 2/],
    ['~LST({A,2},{1,2}) x', /"2" is no name of a parameter/],
  ] as const) {
    assert.match(faultsOf(text).join(), message);
  }
  assert.match(warningsOf('~SEQ(A,1,2)').join(), /1:1 nothing follows this sequence/);
});

test('a sequence makes no values of several lines', () => {
  assert.deepEqual(faultsOf('~SEQ(A,1,2) $X= \\\n  a\nb'), [
    'keepalived.conf:1:13 the value of $X has several lines: it cannot begin within a sequence or another value',
  ]);
  assert.equal(read('~SEQ(A,1,2) $X= \\\n  a\nb').statements.length, 2);
});

test('sequences without end are a fault, and take no time', () => {
  assert.deepEqual(faultsOfFew('a\n ~SEQ(A,1,1000000000) x $A'), [
    'keepalived.conf:2:23 sequences and parameters make more than 1000 lines',
  ]);
  assert.deepEqual(faultsOfFew('~SEQ(A,1,500) ~SEQ(B,1,2) x'), [
    'keepalived.conf:1:27 sequences and parameters make more than 1000 lines',
  ]);
  assert.deepEqual(faultsOfFew('~SEQ(A,1,333) ~SEQ(B,1,2) x'), []);
});

test('includes: the lines stand where they are named; what is missing is told as strictly as the keyword says', () => {
  const files = withFiles({ 'a.conf': 'x\ny {', 'b.conf': 'include a.conf\nz }' });
  assert.equal(show(read('p\ninclude b.conf\nq', files)), 'p; x; y { z }; q');
  assert.deepEqual(warningsOf('include c.conf', files), [
    'keepalived.conf:1:1 include: there is no c.conf; keepalived goes on without it, and so does this',
  ]);
  assert.deepEqual(faultsOf('includer c.conf\nincludem c.conf', files), ['keepalived.conf:2:1 includem: there is no c.conf']);
  assert.equal(show(read('$F=a\ninclude ${F}.conf }\n}', withFiles({ 'a.conf }': 'x {' }))), 'x {  }');
  assert.deepEqual(faultsOf('include x', { readInclude: () => 'it is so' }), ['keepalived.conf:1:1 include: it is so']);
  assert.match(
    warningsOf('@main include a.conf\n}', files).join(),
    /^keepalived.conf:1:7 keepalived reads the file of an include with a condition twice/,
  );
});

test('include_check holds from its line on, in its file and those that it includes', () => {
  const files = withFiles({ 'a.conf': 'global_defs {\n include_check -match\n}\ninclude none' });
  const text = 'include none\nglobal_defs {\n  include_check\n}\ninclude a.conf\ninclude none\n';
  const { faults, warnings } = read(text, files);
  assert.deepEqual(told(faults), ['keepalived.conf:6:1 include: there is no none']);
  assert.deepEqual(
    warnings.map(({ place }) => place.line),
    [1, 4],
  );
});

test('files that include each other', () => {
  const files = withFiles({ 'a.conf': 'x\ninclude b.conf', 'b.conf': 'y\ninclude a.conf' });
  assert.deepEqual(faultsOf('include a.conf', files), [
    'b.conf:2:1 /etc/keepalived/a.conf includes /etc/keepalived/b.conf includes /etc/keepalived/a.conf, and so on without end',
  ]);
  let count = 0;
  const endless: Partial<Surroundings> = {
    readInclude: () => {
      count += 1;
      return [{ file: `${count}`, text: 'include again\n' }];
    },
  };
  assert.deepEqual(faultsOf('include again', endless), ['49:1:1 files include each other more than 50 deep']);
  assert.equal(show(read('~SEQ(A,1,2) include a', withFiles({ a: 'x $A' }))), 'x 2; x 2');
});
