"""Tables: reading a user's file, what known columns mean, and the data sets the demo and the paper use."""

from undelete.data.acs import acs_income, acs_mobility
from undelete.data.census import ACS_SCHEMA, WAGES_SCHEMA, schema_of
from undelete.data.images import ImageData, load_images
from undelete.data.pixels import scaled
from undelete.data.schema import ColumnInfo, ImageInfo, Schema
from undelete.data.sources import Dataset, census_wages, split_half
from undelete.data.table import read_table

__all__ = [
    "ACS_SCHEMA",
    "WAGES_SCHEMA",
    "ColumnInfo",
    "Dataset",
    "ImageData",
    "ImageInfo",
    "Schema",
    "acs_income",
    "acs_mobility",
    "census_wages",
    "load_images",
    "read_table",
    "scaled",
    "schema_of",
    "split_half",
]
