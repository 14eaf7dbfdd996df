local w = require "world"
local M = { title = "a change rolls through all groups while every query is answered, whole, and no segment goes away" }

local TYPES = { "historical", "broker", "router" }

-- Two of each that answers queries; Historicals keep their segments in a volume.
local function double(druid)
  for _, kind in ipairs(TYPES) do
    for _, node in pairs(druid.spec.nodes) do
      if node.nodeType == kind then node.replicas = 2 end
    end
  end
  local node = druid.spec.nodes.historicals
  node.volumeClaimTemplates = { { metadata = { name = "cache" }, spec = { accessModes = { "ReadWriteOnce" },
    resources = { requests = { storage = "1Gi" } } } } }
  node.volumeMounts = { { name = "cache", mountPath = "/druid/cache" } }
end

local function count()
  return w.ask("POST", "http://druid-tiny-routers." .. w.namespace .. ":8888/druid/v2/sql",
    { query = "SELECT COUNT(*) AS c FROM wiki" })
end

-- As a client does that tries once more after a lost connection, 502 or 503.
local function query(rows)
  local status, answer = count()
  if not status or status == 502 or status == 503 then status, answer = count() end
  if status ~= 200 or type(answer) ~= "table" or answer[1].c ~= rows then
    error("a query was answered by " .. (status and status .. " " .. json.encode(answer) or answer.message))
  end
end

function M.run(ctx)
  if w.mode == "cluster" then return end   -- nobody plays Druid there
  -- Ready after two seconds, queryable after more than twenty.
  w.make_model(ctx, "sync: 20\n")
  w.deploy(ctx, nil, double)
  w.wait(ctx, "all segments are there", 90, function() return count() == 200 and w.model("status").whole end)
  local change = { podAnnotations = { round = "two" } }
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  w.check(ctx.patch(w.druid(), { spec = w.mode == "virtual" and change or { nodes = { historicals = change } } }))
  local queries = 0
  w.wait(ctx, "the rollout is over", 900, function()
    query(8000)
    queries = queries + 1
    local now, why = w.is_ready()
    return now and now.metadata.generation > druid.metadata.generation, why
  end)
  local status = w.model("status")
  w.equal({ status.unavailable, status.worst }, { 0, 0 }, "segments that were away")
  if queries < 100 then error("only " .. queries .. " queries") end
end

return M
