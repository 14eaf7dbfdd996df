local w = require "world"
local M = { title = "logs in to Druid with a Secret, finds the leader behind redirects, and keeps the password to itself" }

local PASSWORD = "s3cret-of-the-scenario"

local function condition(reason)
  return function()
    local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
    local found = druid and w.condition(druid, "DynamicConfigApplied")
    return found and found.reason == reason and found, found and found.reason .. ": " .. found.message
  end
end

local function secret(password)
  return { apiVersion = "v1", kind = "Secret", metadata = { namespace = w.namespace, name = "login" },
    data = { OperatorUserName = digest.base64("op"), OperatorPassword = digest.base64(password) } }
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nobody plays Druid there
  w.make_model(ctx, "users: {op: " .. PASSWORD .. "}\n")
  w.deploy(ctx, nil, function(druid)
    local nodes = druid.spec.nodes
    druid.spec.auth = { type = "basic-auth", secretRef = { name = "login" } }
    -- No Router that passes calls on, two of each: a Service leads to the standby as often as to the leader.
    nodes.routers["runtime.properties"] = "druid.service=druid/router\n"
    nodes.coordinators.replicas, nodes.overlords.replicas = 2, 2
    nodes.coordinators.dynamicConfig = { maxSegmentsToMove = 7 }
    nodes.middlemanagers.dynamicConfig = { selectStrategy = { type = "fillCapacity" } }
  end)
  w.wait(ctx, "it is told that there is no Secret", 120, condition("NoCredentials"))
  w.wait(ctx, "an event says so", 10, function() return #w.events("DruidAPIGetAuthCredsFailed") > 0 end)
  w.check(ctx.create(secret("mistyped")))
  local refused = w.wait(ctx, "it is told that the password is wrong", 180, condition("Failed"))
  w.check(refused.message:find("401", 1, true), refused.message)
  w.check(ctx.patch(secret(PASSWORD), { data = secret(PASSWORD).data }))
  w.wait(ctx, "it is applied", 180, condition("Applied"))
  local kept = w.model("dynamic")
  w.equal({ kept.coordinator.maxSegmentsToMove, kept.worker.selectStrategy.type }, { 7, "fillCapacity" }, "configuration")

  local told = json.encode(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status)
  for _, event in ipairs(w.events()) do told = told .. json.encode(event) end
  for _, word in ipairs{ PASSWORD, digest.base64("op:" .. PASSWORD), "mistyped", digest.base64("op:mistyped") } do
    w.check(not told:find(word, 1, true), "the password is in the status or in an event")
  end
end

return M
