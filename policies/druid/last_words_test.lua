local last_words = require "druid.last_words"

local function crashing(name, restarts, message)
  return { metadata = { name = name, uid = "u-" .. name, namespace = "ns" }, status = { containerStatuses = { {
    name = "main", restartCount = restarts, state = { waiting = { reason = "CrashLoopBackOff" } },
    lastState = { terminated = { reason = "Error", exitCode = 1, message = message } } } } } }
end

return {
  ["times and stack frames are left out"] = function(t)
    t.equal(last_words.of("2026-01-01T00:00:00,123 ERROR [main] x.Main - cannot start\n"
      .. "com.google.inject.ProvisionException: druid.port is wrong\n\tat x.Main.run(Main.java:1)\n\t... 12 more\n"
      .. "Caused by: java.lang.IllegalArgumentException: port\n"),
      "ERROR [main] x.Main - cannot start | com.google.inject.ProvisionException: druid.port is wrong | "
      .. "Caused by: java.lang.IllegalArgumentException: port")
  end,
  ["only the last lines, and few bytes of them"] = function(t)
    local lines = {}
    for i = 1, 50 do lines[i] = "line " .. i end
    t.equal(last_words.of(table.concat(lines, "\n")), "line 46 | line 47 | line 48 | line 49 | line 50")
    t.ok(#last_words.of(("x"):rep(5000) .. "\n" .. ("y"):rep(5000) .. "\n" .. ("z"):rep(5000)) <= last_words.bytes_max)
    t.equal(last_words.of("\n\n"), "")
  end,
  ["nothing that may be a credential"] = function(t)
    for _, line in ipairs({ "druid.metadata.storage.connector.password=hunter2", "AWS_SECRET_ACCESS_KEY: hunter2",
      "cannot open jdbc:mysql://druid:hunter2@db/druid", "Authorization: Basic hunter2", "got token hunter2 of x" }) do
      local words = last_words.of(line)
      t.ok(words ~= "" and not words:find("hunter2", 1, true), words)
    end
  end,
  ["control characters and half characters do no harm"] = function(t)
    t.equal(last_words.of("\27[31mred\27[0m"), "[31mred [0m")
    t.ok(json.encode(last_words.of(("ä"):rep(500))))
  end,
  ["a log is read once for each restart of one pod"] = function(t)
    local asked = {}
    local door = { log = function(query)
      asked[#asked + 1] = query
      return "no such port\n"
    end }
    local pods = { crashing("a-0", 3), crashing("a-1", 3) }
    t.equal(last_words.read(door, pods), { ["a-0"] = "no such port" })
    t.equal(last_words.read(door, pods), { ["a-0"] = "no such port" })
    t.equal(asked, { { namespace = "ns", name = "a-0", container = "main", previous = true, lines = 60 } })
    last_words.read(door, { crashing("a-0", 4), crashing("a-1", 3) })
    t.equal(#asked, 2)
  end,
  ["a log that cannot be had is not asked for again and again"] = function(t)
    local asked = 0
    local door = { log = function() asked = asked + 1 return nil, { code = "forbidden" } end }
    for _ = 1, 3 do t.equal(last_words.read(door, { crashing("b-0", 1) }), {}) end
    t.equal(asked, 1)
  end,
  ["who has said it in a message, or has no memory left, is not asked"] = function(t)
    local oom = crashing("c-0", 1)
    oom.status.containerStatuses[1].lastState.terminated.reason = "OOMKilled"
    t.equal(last_words.wanted(oom), nil)
    t.equal(last_words.wanted(crashing("c-1", 1, "said")), nil)
  end,
}
