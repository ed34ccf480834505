export const insights = { title: "Insights", load: async () => ({}), show: () => [{ id: "none", title: "Insights", empty: "later" }] };
