// Grafana's own types, as JSON has them: a string where the type wants a member of an enum.
import type { AnnotationQuery, Dashboard, DataQuery, Panel as AnyPanel } from '@grafana/schema';
import type * as bar from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as heat from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as logs from '@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as time from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export type Json<T> = T extends string
  ? `${T}`
  : T extends (infer U)[]
    ? Json<U>[]
    : T extends object
      ? { [K in keyof T]: Json<T[K]> }
      : T;

// Queries are the data source's own: what ours have.
interface Expression extends DataQuery {
  expr: string;
  instant?: boolean;
  range?: boolean;
}
type Annotated = Omit<Dashboard, 'annotations'> & {
  annotations?: { list?: AnnotationQuery<Expression>[] };
};
export type Board = Json<Annotated>;
export type Panel = Json<AnyPanel>;

// Options are partial: a panel's plugin has defaults for the rest.
interface Plugin<Options, Custom> {
  options?: Json<Partial<Options>>;
  custom?: Json<Partial<Custom>>;
}
export interface Plugins {
  barchart: Plugin<bar.Options, bar.FieldConfig>;
  heatmap: Plugin<heat.Options, heat.FieldConfig>;
  logs: Plugin<logs.Options, object>;
  stat: Plugin<stat.Options, object>;
  table: Plugin<table.Options, table.FieldConfig>;
  timeseries: Plugin<time.Options, time.FieldConfig>;
}
