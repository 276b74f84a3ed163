-- Every Lua file of the tree runs inside Redis: Lua 5.1, its libraries, and no file, process or module.
std = 'lua51'
read_globals = { 'redis', 'KEYS', 'ARGV', 'cjson', 'cmsgpack', 'struct', 'bit' }
not_globals = { 'io', 'os', 'package', 'debug', 'require', 'module', 'dofile', 'loadfile', 'print' }
max_line_length = 118 -- as for Python (pyproject.toml)
include_files = { '**/*.lua' }
exclude_files = { '.venv', 'node_modules', 'var' }
