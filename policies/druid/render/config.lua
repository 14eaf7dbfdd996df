-- Renders the ConfigMaps: one for the whole cluster, one for each group. Pure.
--
-- From: the properties, JVM options and log4j text in the Druid object, and the ConfigMaps named by
-- spec.extraCommonConfig. To add a file or a line everywhere, wrap `common_data` or `node_data`.

local groups = require "druid.groups"
local names = require "druid.names"
local tables = require "lib.tables"

local M = {}

-- Cluster-wide parts that are appended to common.runtime.properties, in this order.
M.dependencies = { "zookeeper", "metadataStore", "deepStorage" }

-- The properties of a dependency block { type = "default", spec = { properties = text } }; nil when there
-- is no such text.
function M.dependency_text(block)
  local spec = block.spec
  if type(spec) == "string" then
    spec = json.decode(spec)
  end
  local text = type(spec) == "table" and spec.properties
  return type(text) == "string" and text or nil
end

-- extra: list of the data maps of spec.extraCommonConfig, in order; later ones win.
function M.common_data(cluster, extra)
  local spec = cluster.spec
  local text = spec["common.runtime.properties"] or ""
  for _, name in ipairs(M.dependencies) do
    if spec[name] then
      text = text .. "\n" .. (M.dependency_text(spec[name]) or "") .. "\n"
    end
  end
  local data = { ["common.runtime.properties"] = text }
  for _, file in ipairs({ "metricDimensions.json", "hdfs-site.xml", "core-site.xml" }) do
    data[file] = tables.text(spec[file])
  end
  for _, files in ipairs(extra or {}) do
    data = tables.merge(data, files)
  end
  return data
end

function M.node_data(cluster, group)
  local spec, node = cluster.spec, group.node
  return {
    ["runtime.properties"] = string.format("druid.port=%d\n%s", node["druid.port"] or 0,
      node["runtime.properties"] or ""),
    ["jvm.config"] = (tables.text(node["jvm.options"], spec["jvm.options"]) or "") .. "\n"
      .. (node["extra.jvm.options"] or ""),
    ["log4j2.xml"] = tables.text(node["log4j.config"], spec["log4j.config"]),
  }
end

function M.common(cluster, extra)
  return {
    apiVersion = "v1",
    kind = "ConfigMap",
    metadata = groups.metadata(cluster, names.common_config(cluster.name), cluster.labels),
    data = M.common_data(cluster, extra),
  }
end

function M.node(cluster, group)
  return {
    apiVersion = "v1",
    kind = "ConfigMap",
    metadata = groups.metadata(cluster, names.node_config(group.name), group.labels),
    data = M.node_data(cluster, group),
  }
end

return M
