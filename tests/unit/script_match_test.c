/* The bounded matcher against Lua's own, on random patterns and texts: same results, or both refuse. */
#include "unit/script_fake.h"

#include "script/vm.h"

#include <lualib.h>

enum { ROUNDS = 60000 };

static const char script[] =
    "local seed, theirs, ours, rounds = ...\n"
    "local state = seed\n"
    "local function below(n) state = (state * 1103515245 + 12345) % 2147483648\n"
    "  return (state // 65536) % n end\n"
    "local pieces = { 'a', 'b', '.', '%a', '%d', '%w', '%s', '%A', '[ab]', '[^a]', '[a-c]', "
    "'[%d_]', '%.',\n"
    "  '*', '+', '-', '?', '(', ')', '()', '^', '$', '%1', '%2', '%bab', '%f[a]', '%', '[', ']', "
    "'[]]', ' ' }\n"
    "local letters = { 'a', 'b', 'c', 'A', '1', '_', ' ', '.', ']', 'ab', 'ba', 'aab' }\n"
    "local function make(from, most)\n"
    "  local t = {} for i = 1, below(most) + 1 do t[i] = from[below(#from) + 1] end\n"
    "  return table.concat(t) end\n"
    "local function show(...)\n"
    "  local t = table.pack(...)\n"
    "  for i = 1, t.n do t[i] = tostring(t[i]) end\n"
    "  return table.concat(t, '|') end\n"
    "local function run(f, ...)\n"
    "  local answer = table.pack(pcall(f, ...))\n"
    "  if not answer[1] then return 'refused' end\n"
    "  return show(table.unpack(answer, 2, answer.n)) end\n"
    "local function walk(lib, s, p)\n"
    "  local t = {} for a, b in lib.gmatch(s, p) do t[#t + 1] = show(a, b) if #t > 100 then break "
    "end end\n"
    "  return table.concat(t, ';') end\n"
    "for _ = 1, rounds do\n"
    "  local p, s = make(pieces, 7), make(letters, below(2) == 0 and 12 or 40)\n"
    "  local init = below(5) - 2\n"
    "  for name, arguments in pairs{ find = { s, p, init }, match = { s, p, init },\n"
    "      gsub = { s, p, '<%0>' } } do\n"
    "    local want, got = run(theirs[name], table.unpack(arguments)), run(ours[name], "
    "table.unpack(arguments))\n"
    "    if want ~= got then\n"
    "      error(('%s(%q, %q, %s): wanted %s, got %s'):format(name, s, p, init, want, got)) end\n"
    "  end\n"
    "  local want, got = run(walk, theirs, s, p), run(walk, ours, s, p)\n"
    "  if want ~= got then error(('gmatch(%q, %q): wanted %s, got %s'):format(s, p, want, got)) "
    "end\n"
    "end\n";

static int compare(lua_State *L)
{
    luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
    lua_settop(L, 0);
    if (luaL_loadstring(L, script) != LUA_OK)
        return lua_error(L);
    lua_pushinteger(L, 20260131);
    luaopen_string(L); /* Lua's own, and for the script's strings */
    lua_createtable(L, 0, 4);
    lua_pushcfunction(L, vm_find);
    lua_setfield(L, -2, "find");
    lua_pushcfunction(L, vm_match);
    lua_setfield(L, -2, "match");
    lua_pushcfunction(L, vm_gmatch);
    lua_setfield(L, -2, "gmatch");
    lua_pushcfunction(L, vm_gsub);
    lua_setfield(L, -2, "gsub");
    lua_pushinteger(L, ROUNDS);
    lua_call(L, 4, 0);
    return 0;
}

static void matches_as_lua_does(void **state)
{
    (void)state;
    struct fake fake;
    struct err err = {0};
    fake_init(&fake, clock_virtual_new(0));
    struct vm *vm = vm_new(&fake.env, &err);
    assert_non_null(vm);
    if (vm_protect(vm, compare, NULL, &err) != 0)
        fail_msg("%s", err.text);
    vm_free(vm);
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matches_as_lua_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
