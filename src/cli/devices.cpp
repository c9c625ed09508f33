// lamella devices: lists the devices of this machine.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include <lamella/engine.hpp>

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/terminal.hpp"
#include "json/value.hpp"

namespace lamella::cli {
namespace {

void print_text(const DeviceList& list) {
  std::size_t device_width = 0;
  std::size_t name_width = 0;
  for (const DeviceDescription& device : list.devices) {
    device_width = std::max(device_width, to_string(device.device).size());
    name_width = std::max(name_width, device.name.size());
  }
  std::string text;
  for (const DeviceDescription& device : list.devices) {
    text += fmt::format("{:<{}}  {:<{}}  {}\n", to_string(device.device), device_width, device.name,
                        name_width, device.detail);
  }
  if (!list.cuda_unavailable.empty()) {
    text += fmt::format("no CUDA device: {}\n", one_line(list.cuda_unavailable));
  }
  print_result(text);
}

void print_json(const DeviceList& list) {
  json::Value devices = json::Value::array();
  for (const DeviceDescription& device : list.devices) {
    devices.push_back(
        {{"device", to_string(device.device)}, {"name", device.name}, {"detail", device.detail}});
    if (device.device.kind == DeviceKind::kCpu) {
      devices.back()["threads"] = device.threads;
      devices.back()["threads_reason"] = device.threads_reason;
    }
  }
  const json::Value json = {{"devices", std::move(devices)},
                            {"cuda_unavailable", list.cuda_unavailable}};
  print_result(indented(json));
}

}  // namespace

Command add_devices(CommandLine& app) {
  CommandLine& command =
      app.add_command("devices", "the devices of this machine, and why CUDA is not among them");
  const auto json = std::make_shared<bool>(false);
  command.add_flag("--json", *json, "print JSON");
  return {&command, [json] {
            const DeviceList list = list_devices();
            *json ? print_json(list) : print_text(list);
          }};
}

}  // namespace lamella::cli
