{
  'targets': [{
    'target_name': 'lbd',
    'sources': ['native/lbd.c'],
    'cflags': ['-O2', '-Wall', '-Wextra', '-Wno-cast-function-type', '-Werror=implicit-function-declaration', '-Werror=return-type'],
  }],
}
