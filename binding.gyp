{
  'target_defaults': {
    'cflags': ['-O2', '-Wall', '-Wextra', '-Werror=implicit-function-declaration', '-Werror=return-type'],
  },
  'targets': [{
    'target_name': 'lbd',
    'sources': ['native/lbd.c'],
    'cflags': ['-Wno-cast-function-type'],
  }, {
    # bin/lbctl starts it. Static where the machine can: the dynamic linker takes longer than the rest of it.
    'target_name': 'lbctl',
    'type': 'executable',
    'sources': ['native/lbctl.c'],
    'defines': ['LBD_VERSION="<!(node -p "require(\'./package.json\').version")"'],
    'ldflags': ['<!@(echo "int main(void) { return 0; }" | ${CC:-cc} -static -x c -o /dev/null - 2>/dev/null && echo -static || true)'],
  }],
}
